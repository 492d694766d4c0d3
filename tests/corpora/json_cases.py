"""JSON texts, in the manner of JSONTestSuite but all our own: what strict readers take, and what they refuse.

A `Case` is a fragment, to stand where a value stands, or a `document` of its own. `value` is what it means; REFUSED
when it must be refused. Names begin with `y_` (RFC 8259 asks to take it), `n_` (it asks to refuse it) or `i_` (it leaves
that open, and pubsite has decided).
"""

# ruff: noqa: E501, RUF001  # tables: one case a line, characters that look like others on purpose

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Any, Final

DEEPEST = 64
REFUSED: Final = object()


@dataclass(frozen=True)
class Case:
    """One JSON text and what is to become of it."""

    name: str
    text: bytes
    value: Any = REFUSED
    is_document: bool = False


def y(name: str, text: str | bytes, value: Any) -> Case:
    return Case(f"y_{name}", _bytes(text), value)


def n(name: str, text: str | bytes) -> Case:
    return Case(f"n_{name}", _bytes(text))


def i(name: str, text: str | bytes, value: Any = REFUSED) -> Case:
    return Case(f"i_{name}", _bytes(text), value)


def document(name: str, text: str | bytes, value: Any = REFUSED) -> Case:
    return Case(name, _bytes(text), value, is_document=True)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


WORDS = (
    y("word_true", "true", True),
    y("word_false", "false", False),
    y("word_null", "null", None),
    *(n(f"word_{word.lower()}_{number}", word) for number, word in enumerate((
        "True", "TRUE", "tru", "truee", "t", "False", "fals", "f", "Null", "nul", "nulll", "nil", "None", "undefined", "yes", "no", "on",
        "NaN", "nan", "-NaN", "+NaN", "NaN(1)", "Infinity", "-Infinity", "+Infinity", "Inf", "-inf", "infinity", "tru\\u0065", "\u201ctrue\u201d", "ＴＲＵＥ",
        "void 0", "new Date()", "a", "a.b", "this", "_", "$", "@", "#1", "&a", "*a", "!!int 1", "~", "..", ".", ",", ":", ";", "\\", "/", "?", "%", "^", "=", "()", "(1)", "<x/>",
    ))),
)  # fmt: skip

_INTEGERS = (
    "0 -0 1 -1 7 10 99 123 -123 1000000 2147483647 2147483648 -2147483648 4294967296 9007199254740991 -9007199254740991"
)
_FLOATS = (
    "0.0 -0.0 0.1 -0.1 1.5 1.50 1.0 3.14159265358979 0.30000000000000004 1e0 1E0 1e5 1E5 1e+5 1E+5 1e-5 1E-5 0e0 0E+0 0e-0 -0e1 1.5e3 1.5E-3 "
    "123.456e-7 1e22 1e23 1e300 -1e300 1.7976931348623157e308 -1.7976931348623157e308 5e-324 2.2250738585072014e-308 2.225073858507201e-308 "
    "1e01 1e+01 1e-01 1e00 0.000000000000000000000000000001 9007199254740993.0 123456789012345678901234567890.5 1.00000000000000000000000000000000000001"
)
_NO_NUMBERS = (
    *("+1", "++1", "+-1", "--1", "-", "+", "- 1", "-a", "01", "-01", "00", "-00", "007", "0x1", "0X1F", "-0x1", "0b1", "0o7", "1_000", "1,000", "1 000", "1'000"),
    *(".5", "-.5", "5.", "-5.", "0.", "1..2", "1.2.3", "1.e1", ".e1", "1e", "1E", "1e+", "1e-", "1e1.5", "1ee5", "1e5e5", "1e+-5", "e5", "E", "1.5e", "0e", "0.e1"),
    *("1a", "1.a", "1l", "1L", "1n", "1f", "1.0f", "1d", "1%", "1j", "1/2", "1:2", "1\\u0030", "\uff11", "\u0661", "\u0967", "\u00bd", "\u2160", "\u221e", "\u22121", "1\u0660", "2\u00b2"),
    *("1;", "1\x00", "\x001", "1 2", "$1", "#1", "0-0", "1-", "1+1", "1**2", "- Infinity", "-1x", "0 1", "0.1.", "0xg", "1e1e"),
)  # fmt: skip
NUMBERS = (
    *(y(f"number_{text}", text, int(text)) for text in _INTEGERS.split()),
    *(y(f"number_{text}", text, float(text)) for text in _FLOATS.split()),
    *(n(f"number_{number}", text) for number, text in enumerate(_NO_NUMBERS)),
    # Beyond what every client can hold: refused, or read as the nearest double where that is what the text says.
    *(i(f"number_beyond_{number}", text) for number, text in enumerate((
        "9007199254740992", "-9007199254740992", "9007199254740993", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "9" * 19, "9" * 32, "9" * 33, "9" * 309, "9" * 400, "-" + "9" * 400, "9" * 4300, "9" * 4301, "9" * 10_000, "1" + "0" * 100,
        "1e309", "-1e309", "1e400", "1e999", "1e9999999999", "-1e9999999999", "1.8e308", "1" + "0" * 400 + ".0", "1e+400", "123e306789",
    ))),
    *(i(f"number_below_{number}", text, float(text)) for number, text in enumerate((
        "1e-400", "-1e-400", "1e-9999999999", "0." + "0" * 400 + "1", "0e999", "0e9999999999", "2e-324", "0.0e+999",
    ))),
    i("number_long_fraction", "0." + "3" * 5000, 1 / 3),
    i("number_long_whole", "3" * 300 + ".0", float("3" * 300)),
)  # fmt: skip

_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# Names of characters that readers trip over, and the characters.
_CHARACTERS = {
    "space": " ", "delete": "\x7f", "padding": "\x80", "next_line": "\x85", "no_break_space": "\xa0", "soft_hyphen": "\xad", "y_umlaut": "\xff",
    "combining_acute": "e\u0301", "arabic_number_sign": "\u0600", "mongolian_separator": "\u180e", "zero_width_space": "\u200b", "joiner": "\u200d",
    "left_to_right": "\u200e", "line_separator": "\u2028", "paragraph_separator": "\u2029", "override": "\u202e", "word_joiner": "\u2060",
    "last_before_surrogates": "\ud7ff", "first_after_surrogates": "\ue000", "private_use": "\uf8ff", "non_character_fdd0": "\ufdd0", "byte_order_mark": "\ufeff",
    "replacement": "\ufffd", "non_character_fffe": "\ufffe", "non_character_ffff": "\uffff", "first_astral": "\U00010000", "clef": "\U0001d11e",
    "emoji": "\U0001f600", "family": "\U0001f468\u200d\U0001f469\u200d\U0001f467", "flag": "\U0001f1e6\U0001f1f9", "non_character_1fffe": "\U0001fffe",
    "tag": "\U000e0041", "private_plane": "\U000f0000", "last": "\U0010ffff",
}  # fmt: skip


def _escaped(text: str) -> str:
    units = text.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2))


_BROKEN_UTF_8 = (
    *(b"\x80", b"\xbf", b"\xc0\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xc3", b"\xc3\x28", b"\xe0\x80\x80", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xe2\x82", b"\xe2\x28\xa1"),
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"),
    *(b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xff", b"\xff\xfe", b"\xfe\xff", b"a\xe4b", b"\xe4\xf6\xfc", b"\x93x\x94"),
)  # fmt: skip
_LONE = (
    "d800",
    "D800",
    "dbff",
    "dc00",
    "DFFF",
    "d83d",
    "de00",
    "d800\\ud800",
    "de00\\ud83d",
    "d83dx\\ude00",
    "d83d\\n\\ude00",
    "d83d\\u0041",
    "d83d\\\\ude00",
    "ud83d",
)
STRINGS = (
    y("string_empty", '""', ""),
    y("string_plain", '"plain"', "plain"),
    y("string_like_json", '"{\\"a\\": [1]}"', '{"a": [1]}'),
    y("string_all_escapes", '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'),
    y("string_backslash_u", '"\\\\u0041"', "\\u0041"),
    y("string_escape_then_digit", '"\\u00411"', "A1"),
    y("string_hex_cases", '"\\u00aB\\u00Ab"', "\xab\xab"),
    y("string_long", '"' + "x" * 65_536 + '"', "x" * 65_536),
    y("string_comment", '"/* a */ // b"', "/* a */ // b"),
    *(y(f"string_escape_{ord(letter)}", f'"\\{letter}"', meant) for letter, meant in _ESCAPES.items()),
    *(y(f"string_{name}", f'"{text}"', text) for name, text in _CHARACTERS.items()),
    *(y(f"string_escaped_{name}", f'"{_escaped(text)}"', text) for name, text in _CHARACTERS.items()),
    *(y(f"string_escaped_control_{code}", f'"\\u{code:04x}"', chr(code)) for code in range(1, 32)),
    *(n(f"string_control_{code}", f'"a{chr(code)}b"') for code in range(32)),
    *(n(f"string_escape_unknown_{ord(letter)}", f'"\\{letter}"') for letter in "aeghxvzUNBT0127'`#&% \n\u00e9\U0001f600"),
    *(n(f"string_escape_short_{number}", f'"\\u{digits}"') for number, digits in enumerate(
        ("", "0", "00", "004", "00g1", "+041", " 041", "-001", "0x41", "{41}", "{1f600}", "\uff10041", "004\u0661", "_041", "00 1", "0\\u0")
    )),
    *(n(f"string_open_{number}", text) for number, text in enumerate(
        ('"', '"a', '"\\"', '"\\', '"\\u', '"\\u0', '"\\u004', '"a\\\\\\"', 'a"', '""x', 'x""', '"" ""', '"a" "b"', '"a""b"', '"a"b"', '"a\n"', '"a\\\nb"')
    )),
    *(n(f"string_quotes_{number}", text) for number, text in enumerate(
        ("'a'", "`a`", "\u201ca\u201d", "\xaba\xbb", "'''a'''", '"""a"""', "b\"a\"", "u\"a\"", 'r"a"', "&quot;a&quot;", "\\\"a\\\"", "/a/", "%22a%22", "\u02baa\u02ba", "\uff02a\uff02")
    )),
    *(n(f"string_bad_utf_8_{number}", b'"' + raw + b'"') for number, raw in enumerate(_BROKEN_UTF_8)),
    n("string_nul", '"a\x00b"'),
    *(i(f"string_nul_escaped_{number}", text) for number, text in enumerate(('"\\u0000"', '"a\\u0000b"', '"\\u0000\\u0000"', '"' + "x" * 9000 + '\\u0000"'))),
    *(i(f"string_lone_surrogate_{number}", f'"a\\u{text}b"') for number, text in enumerate(_LONE) if text not in ("d83d\\\\ude00", "ud83d")),
    n("string_escape_u_u", '"\\uud83d"'),
    i("string_half_and_text", '"\\ud83d\\\\ude00"'),
)  # fmt: skip


def _nested(depth: int, opening: str = "[", closing: str = "]", middle: str = "") -> str:
    return opening * depth + middle + closing * depth


def _lists(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


# A fragment stands four levels below the body's own braces: the body, config, extra, and the key.
ROOM = DEEPEST - 3
STRUCTURES = (
    y("array_empty", "[]", []),
    y("array_of_all", '[null, true, 1, 1.5, "a", [], {}]', [None, True, 1, 1.5, "a", [], {}]),
    y("array_nested", "[[[]], []]", [[[]], []]),
    y("array_long", "[" + ",".join(["0"] * 5000) + "]", [0] * 5000),
    y("object_empty", "{}", {}),
    y("object_one", '{"a": 1}', {"a": 1}),
    y("object_empty_key", '{"": 1}', {"": 1}),
    y("object_escaped_key", '{"\\u0061\\n": 1}', {"a\n": 1}),
    y("object_keys_of_python", '{"__class__": 1, "__proto__": 2, "constructor": 3, "self": 4}', {"__class__": 1, "__proto__": 2, "constructor": 3, "self": 4}),
    y("object_keys_that_differ_in_case", '{"a": 1, "A": 2}', {"a": 1, "A": 2}),
    y("object_keys_that_differ_in_form", '{"\u00e9": 1, "e\u0301": 2}', {"\u00e9": 1, "e\u0301": 2}),
    y("object_keys_with_dots", '{"a.b": 1, "a": {"b": 2}}', {"a.b": 1, "a": {"b": 2}}),
    y("object_keys_like_numbers", '{"0": 1, "00": 2, "0.0": 3, "-0": 4}', {"0": 1, "00": 2, "0.0": 3, "-0": 4}),
    y("object_order", '{"z": 1, "a": 2, "m": 3}', {"z": 1, "a": 2, "m": 3}),
    y("object_long_key", '{"' + "k" * 5000 + '": 1}', {"k" * 5000: 1}),
    y("object_many_keys", "{" + ",".join(f'"{k}":{k}' for k in range(5000)) + "}", {str(k): k for k in range(5000)}),
    y("object_in_array_in_object", '{"a": [{"b": [{}]}]}', {"a": [{"b": [{}]}]}),
    y("deep_within_the_limit", _nested(ROOM), _lists(ROOM)),
    *(i(f"deep_{depth}", _nested(depth)) for depth in (ROOM + 1, 65, 100, 500, 999, 1000, 1001, 5000, 100_000)),
    *(i(f"deep_objects_{depth}", _nested(depth, '{"a":', "}", "1")) for depth in (ROOM + 1, 100, 1000, 50_000)),
    i("deep_both", _nested(80, '[{"a":', "}]", "1")),
    *(n(f"array_{number}", text) for number, text in enumerate((
        "[", "]", "[[", "[]]", "[[]", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[1", "[1,", "[1,[", "[true", "[tru]", "[1}", "{1]", "[a]", "['a']",
        "[1,\n2", "[\x0b1]", "[\x0c1]", "[1]x", "[1],", "[1][2]", "[][]", "[...]", "[1,...]", "[undefined]", "[1, // x\n2]", "[1, /* x */ 2]", "[1 # x\n]", "[\u00a01]", "[\u20281]",
        "[\ufeff1]", "[1\x00]", "(1,2)", "[1=>2]", "[ , ]", "[0:1]", "<[]>", "[[],]", "[{},]",
    ))),
    *(n(f"object_{number}", text) for number, text in enumerate((
        "{", "}", "{}}", "{{}}", '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{"a" 1}', '{"a":1', '{"a":', '{"a"', '{"a', '{"',
        "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{true:1}", "{[]:1}", "{{}:1}", '{"a"=1}', '{"a"=>1}', '{"a":1;"b":2}', '{"a"::1}', '{:1}', '{"a":1}}', '{"a":1}{', '{"a":1}{"b":2}',
        '{"a":1},', '{"a":1}#', '{"a":/*1*/2}', '{"a":1 // x\n}', '{"a":1 # x\n}', '{"a":b}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1]', '["a":1]', '{"a",1}', '{"a":1:2}', '{"a":(1)}',
        '{...{}}', '{"a":1, ...}', '{"a":"b}', '{\u00a0"a":1}', '{"a"\u2003:1}', '{"a":1\x00}', '{ , }', '{*}', '{"a": function(){}}', "{\"a\":'b'}", '{\u201ca\u201d:1}', '{"a":1,"b"}',
    ))),
    *(n(f"duplicate_{number}", text) for number, text in enumerate((
        '{"a":1,"a":1}', '{"a":1,"a":2}', '{"a":1,"b":2,"a":3}', '{"a":1,"\\u0061":2}', '{"\\u0061":1,"a":2}', '{"":1,"":2}', '{"a":{"b":1,"b":2}}', '[{"a":1,"a":1}]',
        '{"\u00e9":1,"\\u00e9":2}', '{"\\ud83d\\ude00":1,"\U0001f600":2}', '{"a":null,"a":null}', '{"a":{},"a":{}}', '{"\\/":1,"/":2}',
    ))),
    *(i(f"key_unsafe_{number}", text) for number, text in enumerate((
        '{"\\u0000":1}', '{"a\\u0000":1}', '{"\\ud800":1}', '{"\\udfff":1}', '{"a":{"\\ud83d":1}}', '[[{"\\u0000":[]}]]', '{"a":[{"b":NaN}]}', '{"a":[1e999]}', '[[[9007199254740993]]]',
    ))),
)  # fmt: skip

_SPACES = {"tab": "\t", "line_feed": "\n", "return": "\r", "space": " ", "all": " \t\r\n"}
_NO_SPACES = {
    "vertical_tab": "\x0b", "form_feed": "\x0c", "nul": "\x00", "unit_separator": "\x1f", "file_separator": "\x1c", "delete": "\x7f", "next_line": "\x85", "no_break": "\xa0", "ogham": "\u1680",
    "en_quad": "\u2000", "zero_width": "\u200b", "line_separator": "\u2028", "paragraph_separator": "\u2029", "narrow": "\u202f", "mathematical": "\u205f", "word_joiner": "\u2060",
    "ideographic": "\u3000", "byte_order_mark": "\ufeff", "braille": "\u2800", "hangul_filler": "\u3164",
}  # fmt: skip
SPACES = (
    *(y(f"space_{name}_before", f"{space}1", 1) for name, space in _SPACES.items()),
    *(y(f"space_{name}_behind", f"1{space}", 1) for name, space in _SPACES.items()),
    *(y(f"space_{name}_inside", f"[{space}1{space},{space}2{space}]", [1, 2]) for name, space in _SPACES.items()),
    *(y(f"space_{name}_in_object", f'{{{space}"a"{space}:{space}1{space}}}', {"a": 1}) for name, space in _SPACES.items()),
    y("space_much", " " * 50_000 + "1" + "\n" * 50_000, 1),
    *(n(f"space_{name}", f"[{space}1]") for name, space in _NO_SPACES.items()),
    *(n(f"comment_{number}", text) for number, text in enumerate(
        ("/* a */ 1", "1 /* a */", "// a\n1", "1 // a", "# a\n1", "1 # a", "<!-- a --> 1", "-- a\n1", "; a\n1", "1 /* a", "/**/1", "1/**/", "/*/1", "%% a\n1", "(* a *) 1")
    )),
)  # fmt: skip

# Whole bodies. `{}` says nothing to most endpoints, so that it is taken or refused for what it lacks, never a 5xx.
_EMPTY = '{"a": "\u00e4"}'
DOCUMENTS = (
    *(document(f"n_encoding_{name.replace('-', '_')}", _EMPTY.encode(name)) for name in
      ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1", "cp1252", "cp037", "cp500", "mac-roman")),
    document("n_encoding_utf_8_sig", _EMPTY.encode("utf-8-sig")),
    document("n_encoding_utf_7_mark", b"+/v8-" + b"{}"),
    document("n_encoding_gb18030", '{"\u4e2d": 1}'.encode("gb18030")),
    document("n_encoding_shift_jis", '{"\u65e5": 1}'.encode("shift-jis")),
    document("n_mark_alone", codecs.BOM_UTF8),
    document("n_mark_utf_16_alone", codecs.BOM_UTF16_LE),
    document("n_mark_twice", codecs.BOM_UTF8 * 2 + b"{}"),
    document("n_mark_behind", b"{}" + codecs.BOM_UTF8),
    document("n_two_documents", b"{}{}"),
    document("n_lines_of_documents", b"{}\n{}\n"),
    document("n_record_separator", b"\x1e{}\n"),
    document("n_json_p", b"callback({})"),
    document("n_prefix_against_inclusion", b")]}',\n{}"),
    document("n_loop_prefix", b"while(1);{}"),
    document("n_yaml", b"a: 1\nb:\n  - 2\n"),
    document("n_toml", b"a = 1\n"),
    document("n_xml", b"<?xml version='1.0'?><a/>"),
    document("n_form", b"a=1&b=2"),
    document("n_form_json", b"a=%7B%7D"),
    document("n_multipart", b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'),
    document("n_gzip", bytes.fromhex("1f8b08000000000002ffabae0500a2bf2943020000 00")),
    document("n_zstd", bytes.fromhex("28b52ffd0402110000 7b7d")),
    document("n_bson", bytes.fromhex("0500000000")),
    document("n_cbor", bytes.fromhex("a16161 01")),
    document("n_message_pack", bytes.fromhex("81a16101")),
    document("n_protobuf", bytes.fromhex("0a0161")),
    document("n_pickle", bytes.fromhex("80057d942e")),
    document("n_png", b"\x89PNG\r\n\x1a\n"),
    document("n_zip", b"PK\x03\x04"),
    document("n_nul", b"\x00"),
    document("n_nuls", b"\x00" * 1000),
    document("n_all_bytes", bytes(range(256))),
    document("n_percent", b"%7B%7D"),
    document("n_base_64", b"e30="),
    document("n_quoted_object", b'"{}"'),
    document("n_no_break_space", "\u00a0".encode()),
    document("n_ideographic_space", "\u3000".encode()),
    document("n_form_feed", b"\x0c"),
    document("n_vertical_tab", b"\x0b"),
    document("n_next_line", "\u0085".encode()),
    document("n_line_separator", "\u2028".encode()),
    document("n_nul_behind", b"{}\x00"),
    document("n_end_of_file", b"{}\x1a"),
    document("n_control_d", b"{}\x04"),
    document("n_comma_behind", b"{},"),
    document("n_semicolon_behind", b"{};"),
    document("n_unclosed", b'{"slug": "a", "name": "b"'),
    document("n_cut_in_a_character", b'{"name": "\xc3'),
    document("n_cut_in_an_escape", b'{"name": "\\u00'),
    document("n_cut_in_a_pair", b'{"name": "\\ud83d\\'),
    *(document(f"n_root_{number}", text) for number, text in enumerate(
        ("[]", "[{}]", "null", "true", "false", "0", "-1", "1.5", '""', '"{}"', '"slug"', "[[]]", "[null]", '["slug"]', "1e5", "[1, 2]")
    )),
)  # fmt: skip

VALUES = (*WORDS, *NUMBERS, *STRINGS, *STRUCTURES, *SPACES)
CASES = (*VALUES, *DOCUMENTS)
TAKEN = tuple(case for case in VALUES if case.value is not REFUSED)
REFUSED_VALUES = tuple(case for case in VALUES if case.value is REFUSED)
