import pytest

from negotiation_env.address import HIDDEN, check_base_url, joined, login_of, proxy_of, without_secrets
from negotiation_env.errors import UserError

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://h/v1", "http://h/v1/models"),
        ("http://h:8000/v1/", "http://h:8000/v1/models"),
        ("http://h", "http://h/models"),
        ("https://h/v1?api-version=1&x=a/b", "https://h/v1/models?api-version=1&x=a/b"),
        ("https://h/v1/?api-version=1", "https://h/v1/models?api-version=1"),
        ("http://u:p%40ss@h/v1", "http://h/v1/models"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/models"),
    ],
)
def test_a_path_goes_before_the_query_and_the_login_is_left_out(base_url, url):
    check_base_url(base_url)
    assert joined(base_url, "/models") == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "h/v1", "127.0.0.1:8000/v1", "ftp://h", "http://", "http://h:port/v1", "http://h:99999", "http://[::1"),
        *("http://@h/v1", "http://:@h/v1", "http://@", "http:h", "http:///v1", "http://:80/v1"),
    ],
)
def test_what_is_no_base_url_is_told(url):
    with pytest.raises(ValueError, match="expected http://HOST"):
        check_base_url(url)


@pytest.mark.parametrize("url", ["http://u:p#ss@h/v1", "http://u:p?ss@h/v1", "http://u:p/ss@h/v1", "http://u:ps s@h\n"])
def test_a_url_that_cannot_be_read_is_not_repeated_with_its_password(url):
    with pytest.raises(ValueError, match="write @ : /") as told:
        check_base_url(url)
    assert "ss@" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("openai:m@http://u:pw@h/v1", "openai:m@http://h/v1"),
        ("openai:a@b@https://u:p@ss@h/v1", "openai:a@b@https://h/v1"),
        ("panel:mean:openai:a@http://u:pw@h,openai:b@http://i", "panel:mean:openai:a@http://h,openai:b@http://i"),
        ("panel:mean:openai:a@http://h,openai:b@http://u:pw@i", "panel:mean:openai:a@http://h,openai:b@http://i"),
        ("http://h/v1?api-version=1&api_key=abc", f"http://h/v1?api-version=1&api_key={HIDDEN}"),
        ("http://h/v1?pass=abc&bypass=1&jwt=x", f"http://h/v1?pass={HIDDEN}&bypass=1&jwt={HIDDEN}"),
        ("http://h/v1?Code=abc&n=2", f"http://h/v1?Code={HIDDEN}&n=2"),
        (
            '{"judge": "openai:m@http://u:\\"@h/v1?sig=x%2F",\n "n": 2}',
            f'{{"judge": "openai:m@http://h/v1?sig={HIDDEN}",\n "n": 2}}',
        ),
        ("hf:org/model@main", "hf:org/model@main"),
        ("openai:claude@20240620", "openai:claude@20240620"),
    ],
)
def test_what_is_shown_of_urls_holds_no_secrets(text, shown):
    assert without_secrets(text) == shown


def test_a_login_is_read_with_its_escapes():
    check_base_url("http://:pw@h/v1")
    assert login_of("http://:pw@h/v1") == ("", "pw")
    assert login_of("http://us%40er:p%3A%2F@h/v1") == ("us@er", "p:/")
    assert login_of("http://token@h/v1") == ("token", "")
    assert login_of("http://h/v1") is None


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, "http://h/v1", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://h/v1", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://h/v1", None),
        ({"HTTPS_PROXY": "http://u:pw@p:1"}, "https://h/v1", "http://u:pw@p:1"),
        ({"ALL_PROXY": "http://p:1"}, "https://h/v1", "http://p:1"),
        ({"HTTP_PROXY": "p:1"}, "http://h/v1", "http://p:1"),
        ({"HTTP_PROXY": ""}, "http://h/v1", None),
    ],
)
def test_the_environment_s_proxy_is_used(environment, variables, url, proxy):
    for name, value in variables.items():
        environment.setenv(name, value)
    assert proxy_of(url) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "url", "excepted"),
    [
        ("*", "http://h.example/v1", True),
        ("a, *", "http://h.example/v1", True),
        ("h.example", "http://h.example/v1", True),
        ("H.Example", "http://h.EXAMPLE/v1", True),
        ("example", "http://h.example/v1", True),
        (".example", "http://h.example/v1", True),
        ("*.example", "http://h.example/v1", True),
        ("ample", "http://h.example/v1", False),
        ("other, h.example:8000", "http://h.example:8000/v1", True),
        ("h.example:8000", "http://h.example:9000/v1", False),
        ("h.example:80", "http://h.example/v1", True),
        ("h.example:443", "https://h.example/v1", True),
        ("127.0.0.1", "http://127.0.0.1:8000/v1", True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/v1", True),
        ("127.0.0.1:8001", "http://127.0.0.1:8000/v1", False),
        ("10.0.0.0/8", "http://10.20.30.40/v1", True),
        ("10.0.0.0/8", "http://11.20.30.40/v1", False),
        ("::1", "http://[::1]:8000/v1", True),
        ("[::1]:8000", "http://[::1]:8000/v1", True),
        ("fd00::/8", "http://[fd12::1]/v1", True),
        ("localhost,,", "http://h.example/v1", False),
    ],
)
def test_no_proxy_names_hosts_domains_networks_and_ports(environment, no_proxy, url, excepted):
    environment.setenv("HTTP_PROXY", "http://p:1")
    environment.setenv("HTTPS_PROXY", "http://p:1")
    environment.setenv("NO_PROXY", no_proxy)
    assert (proxy_of(url) is None) is excepted


def test_a_proxy_that_speaks_no_http_is_told_without_its_password(environment):
    environment.setenv("ALL_PROXY", "socks5://u:pw@p:1080")
    with pytest.raises(UserError, match=r"proxy 'socks5://p:1080' cannot be used: .* name h in NO_PROXY"):
        proxy_of("http://h/v1")


def test_a_query_of_many_names_is_looked_through_once():
    assert without_secrets("http://h/" + "?key" * 100_000).endswith("?key")
    assert without_secrets("http://h/?a=1&api_key=s3cret&b=2") == "http://h/?a=1&api_key=[hidden]&b=2"
