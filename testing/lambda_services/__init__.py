"""The Lambda services on loopback: they drive extensions, and a function, as Lambda does.

`LambdaServices` is one execution environment: the Extensions, Telemetry and Runtime API on one
port. `ExtensionProcess` is an extension that runs in it, `FunctionProcess` a function. An
invocation is either scripted (`LambdaServices.invoke`), or made by a function's process
(`LambdaServices.invoke_function`):

    faults = Faults(telemetry_answer=500)              # or Faults(), which disturbs nothing
    with LambdaServices(faults=faults) as services:
        with ExtensionProcess(services, Path("extensions/logs"), {"LOGZIO_LOGS_TOKEN": "t"}) as run:
            run.wait_ready()                           # its first GET /event/next is there
            done = services.invoke(["first", {"level": "INFO"}], order="done-then-line")
            assert done.added_seconds < 0.1            # from runtimeDone to its next `next`
            assert run.output == b""                   # standard output and error, as bytes
            end = run.shutdown("spindown")             # SHUTDOWN, and SIGKILL after 2 s
            assert (end.exit_code, end.killed) == (0, False)
        assert services.calls.count("/init/error") == 0
        assert all(delivery.status == 200 for delivery in services.deliveries)

All times are seconds of `time.monotonic` in this process, so that they can be compared with the
times that a fake destination in the same process notes.

An answer that the Runtime Interface Emulator gives too is the same here, word for word; a test
holds them against each other. What no emulator has names AWS's page beside the line.
"""
