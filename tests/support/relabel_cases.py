"""What rules make of labels, one case in a line: for `converters.relabel` and a real Prometheus.

The labels of a case are written `a=foo b=bar`, without the metric name, which is `m`.
"""

from typing import NamedTuple

Labels = dict[str, str]


class Case(NamedTuple):
    """One case.

    Attributes:
        what: What holds.
        rules: The text of WRITE_RELABEL_CONFIGS.
        labels: The labels of a series beside its name, which is `m`.
        result: The labels afterwards, `None` for a series that is dropped.
        old: Whether Prometheus 2.42 does the same.
    """

    what: str
    rules: str
    labels: str
    result: str | None
    old: bool = True


def labels_in(text: str) -> Labels:
    """Return the labels that a text of a case stands for, with the metric name."""
    named = dict(item.split("=", 1) for item in text.replace("\\n", "\n").split(" ") if item)
    return {"__name__": "m", **named}


def rule(**members: str) -> str:
    """Return a rule as YAML, without quotes around what needs none in Prometheus."""
    return "- " + "\n  ".join(f"{name}: {text}" for name, text in members.items()) + "\n"


def replace(source: str, regex: str, target: str, replacement: str) -> str:
    """Return a rule without its default action."""
    return rule(
        source_labels=f"[{source}]", regex=regex, target_label=target, replacement=replacement
    )


def select(action: str, source: str, regex: str) -> str:
    """Return a rule that keeps or drops by a regular expression."""
    return rule(action=action, source_labels=f"[{source}]", regex=regex)


def by_label(action: str, regex: str) -> str:
    """Return a rule that looks at label names."""
    return rule(action=action, regex=regex)


def write(action: str, source: str, target: str, **members: str) -> str:
    """Return a rule that writes a label, or compares with it."""
    return rule(action=action, source_labels=f"[{source}]", target_label=target, **members)


REPLACE = [
    Case("a group", replace("a", "f(.*)", "d", "ch${1}-ch${1}"), "a=foo", "a=foo d=choo-choo"),
    Case(
        "joined", replace("a, b", "f(.*);(.*)r", "a", "b${1}${2}m"), "a=foo b=bar", "a=boobam b=bar"
    ),
    Case(
        "in turn",
        replace("a", "(.).*", "b", "$1") + replace("b", "x", "c", "y"),
        "a=xz",
        "a=xz b=x c=y",
    ),
    Case("no match", replace("a", "o", "b", "x"), "a=foo", "a=foo"),
    Case("anchored at the end", replace("a", "f|fo", "b", "x"), "a=foo", "a=foo"),
    Case("anchored in all branches", replace("a", "z|o", "b", "x"), "a=foo", "a=foo"),
    Case("anchors of one's own", replace("a", "^foo$", "b", "x"), "a=foo", "a=foo b=x"),
    Case("defaults copy", write("replace", "a", "b"), "a=foo", "a=foo b=foo"),
    Case("the default joins with ;", write("replace", "a, b", "c"), "a=1 b=2", "a=1 b=2 c=1;2"),
    Case("separator", write("replace", "a, b", "c", separator="/"), "a=1 b=2", "a=1 b=2 c=1/2"),
    Case("no separator", write("replace", "a, b", "c", separator="''"), "a=1 b=2", "a=1 b=2 c=12"),
    Case("null separator", write("replace", "a, b", "c", separator=""), "a=1 b=2", "a=1 b=2 c=12"),
    Case("missing source", write("replace", "a, x, b", "c"), "a=1 b=2", "a=1 b=2 c=1;;2"),
    Case("source twice", write("replace", "a, a", "c"), "a=1", "a=1 c=1;1"),
    Case("copy of nothing removes", write("replace", "x", "a"), "a=1", ""),
    Case("empty removes", replace("a", "foo", "a", "''"), "a=foo b=1", "b=1"),
    Case("null removes", replace("a", "foo", "a", ""), "a=foo b=1", "b=1"),
    Case("empty group removes", replace("a", "(x?)foo", "b", "$1"), "a=foo b=1", "a=foo"),
    Case("constant", rule(target_label="c", replacement="x"), "a=1", "a=1 c=x"),
    Case("constant replaces", rule(target_label="a", replacement="x"), "a=1", "a=x"),
    Case("empty regex, empty source", replace("x", "''", "c", "none"), "a=1", "a=1 c=none"),
    Case("empty regex, some source", replace("a", "''", "c", "none"), "a=1", "a=1"),
    Case("null is the empty regex", replace("a", "", "c", "none"), "a=1", "a=1"),
    Case("number", replace("a", "404", "c", "500"), "a=404", "a=404 c=500"),
    Case("float as it is written", replace("a", "1.0", "c", "2.50"), "a=1.0", "a=1.0 c=2.50"),
    Case("boolean", replace("a", "true", "c", "False"), "a=true", "a=true c=False"),
    Case("name", replace("__name__", "(m)", "__name__", "${1}_x"), "a=1", "__name__=m_x a=1"),
    Case("name as source", replace("__name__, a", "(.);1", "b", "$1"), "a=1", "a=1 b=m"),
    Case("target in the match", replace("a", "(.+)-(.+)", "$1", "$2"), "a=b-c", "a=b-c b=c"),
    Case("part of a target", replace("a", "(.+)-(.+)", "x_${1}_y", "$2"), "a=b-c", "a=b-c x_b_y=c"),
    Case("empty target", replace("a", "(x?)foo", "${1}", "y"), "a=foo", "a=foo"),
    Case("target with a digit first", replace("a", "(.+)-.+", "${1}", "y"), "a=1-2", "a=1-2"),
    Case("unknown group in target", replace("a", "(.+)", "b${2}", "y"), "a=1", "a=1 b=y"),
    Case("temporary label stays", write("replace", "a", "__tmp_x"), "a=1", "a=1 __tmp_x=1"),
    Case("reserved label", rule(target_label="__type__", replacement="x"), "", "__type__=x"),
    Case("action in capitals", write("REPLACE", "a", "b"), "a=1", "a=1 b=1"),
    Case("line break", replace("a", "1.*2", "b", "x"), "a=1\\n2", "a=1\\n2 b=x", old=False),
    Case("line break at the end", replace("a", "12", "b", "x"), "a=12\\n", "a=12\\n"),
    Case("no dot, no line break", replace("a", '"1(?-s:.)2"', "b", "x"), "a=1\\n2", "a=1\\n2"),
]

REFERENCES = [
    Case("bare", replace("a", "(.)(.)", "b", "$2$1"), "a=xy", "a=xy b=yx"),
    Case("whole match", replace("a", "x.", "b", "<$0>"), "a=xy", "a=xy b=<xy>"),
    Case("group name", replace("a", "(?P<n>.).", "b", "${n}-$n"), "a=xy", "a=xy b=x-x"),
    Case(
        "short group name", replace("a", "'(?<n>.)y'", "b", "${n}"), "a=xy", "a=xy b=x", old=False
    ),
    Case("number of a named group", replace("a", "(?P<n>.).", "b", "$1"), "a=xy", "a=xy b=x"),
    Case("longest name", replace("a", "(.).", "b", "$1x"), "a=xy b=1", "a=xy"),
    Case("longest name, braces", replace("a", "(.).", "b", "${1}x"), "a=xy", "a=xy b=xx"),
    Case("two digits", replace("a", "(.)(.)", "b", "v$12"), "a=xy", "a=xy b=v"),
    Case("leading zero", replace("a", "(.).", "b", "v$01"), "a=xy", "a=xy b=v"),
    Case("large number", replace("a", "(.).", "b", "v$99999999999"), "a=xy", "a=xy b=v"),
    Case("unknown", replace("a", "(.).", "b", "v${n}$2"), "a=xy", "a=xy b=v"),
    Case("group without a part", replace("a", "(x)|(y)", "b", "v$1"), "a=y", "a=y b=v"),
    Case("dollar", replace("a", "(.).", "b", "$$1"), "a=xy", "a=xy b=$1"),
    Case("dollar before a group", replace("a", "(.).", "b", "$$$1"), "a=xy", "a=xy b=$x"),
    Case("dollar alone", replace("a", "(.).", "b", "1$"), "a=xy", "a=xy b=1$"),
    Case("dollar before a hyphen", replace("a", "(.).", "b", "$-1"), "a=xy", "a=xy b=$-1"),
    Case("open brace", replace("a", "(.).", "b", "'${1'"), "a=xy", "a=xy b=${1"),
    Case("empty braces", replace("a", "(.).", "b", "'${}'"), "a=xy", "a=xy b=${}"),
    Case("backslash is text", replace("a", "(.).", "b", r"\1"), "a=xy", r"a=xy b=\1"),
    Case("letters outside ASCII", replace("a", "(é).", "b", "ü${1}"), "a=éy", "a=éy b=üé"),
    Case("a name goes on with them", replace("a", "(.).", "b", "v$1é"), "a=xy", "a=xy b=v"),
]

SELECT = [
    Case("drop", select("drop", "a", ".*o.*"), "a=foo", None),
    Case("drop, no match", select("drop", "a", "f|o"), "a=foo", "a=foo"),
    Case("keep", select("keep", "a", "f.*"), "a=foo", "a=foo"),
    Case("keep, no match", select("keep", "a", "f"), "a=foo", None),
    Case("keep, missing label", select("keep", "x", ".+"), "a=foo", None),
    Case("drop, missing label", select("drop", "x", "''"), "a=foo", None),
    Case("drop of several", select("drop", "a, b", "1;2"), "a=1 b=2", None),
    Case("drop by name", select("drop", "__name__", "m"), "a=1", None),
    Case(
        "nothing after drop",
        select("drop", "a", "1") + rule(target_label="b", replacement="x"),
        "a=1",
        None,
    ),
    Case(
        "drop of what a rule made",
        write("replace", "a", "b") + select("drop", "b", "1"),
        "a=1",
        None,
    ),
    Case("keep without sources", by_label("keep", "x"), "a=1", None),
    Case("keepequal", write("keepequal", "a", "b"), "a=1 b=1", "a=1 b=1"),
    Case("keepequal, different", write("keepequal", "a", "b"), "a=1 b=2", None),
    Case("keepequal, both missing", write("keepequal", "x", "y"), "a=1", "a=1"),
    Case("keepequal joins", write("keepequal", "a, b", "c"), "a=1 b=2 c=1;2", "a=1 b=2 c=1;2"),
    Case("dropequal", write("dropequal", "a", "b"), "a=1 b=1", None),
    Case("dropequal, different", write("dropequal", "a", "b"), "a=1 b=2", "a=1 b=2"),
    Case("dropequal, both missing", write("dropequal", "x", "y"), "a=1", None),
]

LABELS = [
    Case("labeldrop", by_label("labeldrop", "b.*"), "a=1 b1=2 b2=3", "a=1"),
    Case("labeldrop is anchored", by_label("labeldrop", "b"), "b1=2 ab=3 b=4", "b1=2 ab=3"),
    Case("labelkeep", by_label("labelkeep", "__name__|b.*"), "a=1 b1=2 b2=3", "b1=2 b2=3"),
    Case(
        "labelmap",
        rule(action="labelmap", regex="(b.*)", replacement="x_${1}"),
        "a=1 b1=2",
        "a=1 b1=2 x_b1=2",
    ),
    Case("labelmap, default", rule(action="labelmap", regex="b_(.+)"), "b_c=2", "b_c=2 c=2"),
    Case("labelmap replaces", rule(action="labelmap", regex="b_(.+)"), "b_c=2 c=1", "b_c=2 c=2"),
    Case(
        "labelmap, the last wins",
        rule(action="labelmap", regex="(?:b|d)_(.+)"),
        "d_c=2 b_c=1",
        "d_c=2 b_c=1 c=2",
    ),
    Case(
        "labelmap, the last by name",
        rule(target_label="b_c", replacement="1") + rule(action="labelmap", regex="(?:b|d)_(.+)"),
        "d_c=2",
        "d_c=2 b_c=1 c=2",
    ),
    Case(
        "labelmap copies once",
        rule(action="labelmap", regex="(a+)", replacement="a${1}"),
        "a=1",
        "a=1 aa=1",
    ),
    Case(
        "labelmap, bad names",
        by_label("labelmap", "x_(.*)"),
        "x_1=1 x_=2 x_y=3",
        "x_1=1 x_=2 x_y=3 y=3",
        old=False,
    ),
    Case(
        "labelmap and labeldrop rename",
        rule(action="labelmap", regex="b_(.+)") + by_label("labeldrop", "b_.+"),
        "b_c=2",
        "c=2",
    ),
    Case("labelmap of the name", rule(action="labelmap", regex="__(name)__"), "", "name=m"),
]

WRITE = [
    Case("lowercase", write("lowercase", "a", "b"), "a=bAr123Foo", "a=bAr123Foo b=bar123foo"),
    Case("uppercase", write("uppercase", "a", "b"), "a=bAr123Foo", "a=bAr123Foo b=BAR123FOO"),
    Case("lowercase, in place", write("lowercase", "a", "a"), "a=FOO", "a=foo"),
    Case("lowercase joins", write("lowercase", "a, b", "c"), "a=A b=B", "a=A b=B c=a;b"),
    Case("lowercase of nothing", write("lowercase", "x", "a"), "a=1", ""),
    Case(
        "uppercase by character", write("uppercase", "a", "a"), "a=straße-ﬁ-ᾳ-é", "a=STRAßE-ﬁ-ᾼ-É"
    ),
    Case("lowercase by character", write("lowercase", "a", "a"), "a=ΟΔΟΣ-İ-É", "a=οδοσ-i-é"),
    Case("hashmod", write("hashmod", "c", "d", modulus="1000"), "c=baz", "c=baz d=976"),
    Case(
        "hashmod of a line break",
        write("hashmod", "a", "b", modulus="1000"),
        "a=foo\\nbar",
        "a=foo\\nbar b=734",
    ),
    Case("hashmod 1", write("hashmod", "a", "b", modulus="1"), "a=x", "a=x b=0"),
    Case("hashmod of nothing", write("hashmod", "x", "b", modulus="10"), "", "b=8"),
    Case("hashmod joins", write("hashmod", "a, b", "c", modulus="97"), "a=1 b=2", "a=1 b=2 c=59"),
    Case(
        "hashmod, largest modulus",
        write("hashmod", "a", "b", modulus=str(2**64 - 1)),
        "a=1",
        "a=1 b=994258241967195291",
    ),
    Case("hashmod outside ASCII", write("hashmod", "a", "b", modulus="97"), "a=é", "a=é b=15"),
    Case(
        "a shard of two",
        write("hashmod", "a", "__tmp", modulus="2")
        + select("keep", "__tmp", "1")
        + by_label("labeldrop", "__tmp"),
        "a=1",
        "a=1",
    ),
]

TEXTS = [
    Case("JSON", '[{"source_labels":["a"],"target_label":"b"}]', "a=1", "a=1 b=1"),
    Case(
        "JSON numbers",
        '[{"source_labels":["a"],"regex":404,"target_label":"b","replacement":1.50}]',
        "a=404",
        "a=404 b=1.50",
    ),
    Case(
        "JSON booleans",
        '[{"source_labels":["a"],"regex":true,"target_label":"b"}]',
        "a=true",
        "a=true",
    ),
    Case(
        "JSON null",
        '[{"source_labels":["a"],"regex":null,"target_label":"b","replacement":"x"}]',
        "a=1",
        "a=1",
    ),
    Case(
        "JSON with tabs",
        '[\n\t{"source_labels": ["a"],\n\t"target_label": "b"}\n]',
        "a=1",
        "a=1 b=1",
        old=False,
    ),
    Case(
        "JSON escapes",
        r'[{"target_label":"b","replacement":"\ud83d\ude00\u00e9\/"}]',
        "",
        "b=😀é/",
        old=False,
    ),
    Case("YAML's flow style", "[{source_labels: [a], target_label: b}]", "a=1", "a=1 b=1"),
    Case("flow style in a list", "- {source_labels: [a], target_label: b}", "a=1", "a=1 b=1"),
    Case("no rules", "[]", "a=1", "a=1"),
]

CASES = [*REPLACE, *REFERENCES, *SELECT, *LABELS, *WRITE, *TEXTS]
