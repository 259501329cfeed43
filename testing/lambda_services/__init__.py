"""The Lambda services on loopback, which run extensions and a function as Lambda does.

`LambdaServices` is one execution environment: the Extensions, Telemetry and Runtime API on one
port. `ExtensionProcess` is an extension in it, `FunctionProcess` a function. An invocation is
either scripted (`LambdaServices.invoke`), or handled by a function's process
(`LambdaServices.invoke_function`):

    faults = Faults(telemetry_answer=500)              # Faults() is a healthy service
    with LambdaServices(faults=faults) as services:
        with ExtensionProcess(services, Path("extensions/logs"), {"LOGZIO_LOGS_TOKEN": "t"}) as run:
            run.wait_ready()                           # it has called GET /event/next
            done = services.invoke(["first", {"level": "INFO"}], order="done-then-line")
            assert done.added_seconds < 0.1            # from runtimeDone to its next `next`
            assert run.output == b""                   # standard output and error, as bytes
            end = run.shutdown("spindown")             # SHUTDOWN, and SIGKILL after 2 s
            assert (end.exit_code, end.killed) == (0, False)
        assert services.calls.count("/init/error") == 0
        assert all(post.status == 200 for post in services.deliveries)

All times are seconds of `time.monotonic` in this process, and can be compared with the times of a
fake destination in the same process.

Where the Runtime Interface Emulator has a reply, this one is the same, word for word; a test
compares them. Where it has none, a comment names AWS's page.
"""
