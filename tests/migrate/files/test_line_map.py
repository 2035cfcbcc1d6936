"""Which line of a text another line was made from."""

from serve_compat.migrate.files.line_map import line_map


def test_the_original_line_of_a_made_line_is_found():
    back = line_map("a\nx\ny\nb\nc\n", "a\nb\nc\n")
    assert [back(line) for line in range(6)] == [0, 1, 2, 2, 2, 3]


def test_lines_that_moved_do_not_lead_astray_in_long_texts():
    rest = "".join(f"{number}\n" for number in range(1000))
    back = line_map(f"c\na\nnew\nb\n{rest}", f"a\nb\n{rest}c\n")
    assert [back(line) for line in (2, 4, 5, 1004)] == [1, 2, 3, 1002]


def test_long_texts_take_time_in_proportion():
    original = "".join(f"call({number})\n    return\n" for number in range(20_000))
    back = line_map(original.replace("call", "f", 1) + "end\n", original)
    assert [back(1), back(2), back(40_000)] == [1, 2, 40_000]
