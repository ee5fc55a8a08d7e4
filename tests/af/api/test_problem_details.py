from fivegms_api.problem_details import json_pointer


def test_pointers_escape() -> None:
    assert json_pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
    assert json_pointer() == ""
