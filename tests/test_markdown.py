"""Untrusted text, escaped for Markdown."""

import pytest

from custom_components.plex_account.markdown import escape


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Mac-mini 2.0 (Ada's), 50% off!", "Mac-mini 2.0 (Ada's), 50% off!"),
        ("![x](http://a.example)", r"!\[x\](http\://a.example)"),
        ("HTTPS://a.example www.a.example", r"HTTPS\://a.example www\.a.example"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        ("ada@example.com", r"ada\@example.com"),
        ("**a** _b_ ~c~ `d` |e\\", r"\*\*a\*\* \_b\_ \~c\~ \`d\` \|e" + "\\\\"),
        (" one\r\n\u2028two\t", "one two"),
        ("# a", r"\# a"),
        ("- a", r"\- a"),
        ("12. a", r"12\. a"),
        ("1) a", r"1\) a"),
        ("===", r"\==="),
        ("", ""),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    """Markdown shows the text literally, as checked against the frontend's renderer."""
    assert escape(text) == escaped
