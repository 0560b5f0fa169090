# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources that are not the distribution's, and sites that hide: on a real driver, through the command line."""

import json
import re
import shutil
from pathlib import Path

import pytest

from omatic import proc
from tests.build.conftest import Command

pytestmark = pytest.mark.kbuild

FOLDER = Path("drivers/net/vmxnet3")
DRIVER = FOLDER / "vmxnet3_drv.c"


@pytest.fixture
def sources(private: Command, tmp_path: Path) -> Path:
    """A copy of the driver's vanilla sources, free to change."""
    fetched = store(private) / "tree"
    shutil.copytree(fetched / FOLDER, tmp_path / "linux" / FOLDER)
    return tmp_path / "linux"


def store(command: Command) -> Path:
    """Return the folder of the sources that were fetched for the kernel under test."""
    (memory,) = (command.cache / "sources").glob(f"{command.release}_*.json")
    return command.cache / "sources" / str(json.loads(memory.read_text())[0])


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence in a file; it must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_one_byte_of_code(private: Command, sources: Path) -> None:
    """A changed byte in given sources: not proven, and the function that differs is named. CRCs agree, so it goes."""
    text = (sources / DRIVER).read_text()
    found = re.search(r"msleep\((\d)", text) or re.search(r"> (\d)\)", text)
    assert found
    path = sources / DRIVER
    path.write_text(text[: found.start(1)] + str((int(found[1]) + 1) % 10) + text[found.end(1) :])
    (built,) = private.json("build", ["vmxnet3"], "--source", str(sources))
    provenance = built["checks"]["provenance"]
    assert provenance["verdict"] == "fail"
    assert provenance["evidence"]["proof"] == "not proven"
    assert ".text" in provenance["evidence"]["summary"] or "section" in provenance["evidence"]["summary"]
    assert built["checks"]["minimality"]["verdict"] == "pass"


@pytest.mark.parametrize("place", ["sources", "work tree"])
def test_one_byte_of_a_fetched_comment(private: Command, place: str) -> None:
    """Even a comment: the claim is about the sources, and they are not what was fetched. The file is named."""
    real = (private.cache / "sources").resolve()
    (private.cache / "sources").unlink()
    shutil.copytree(real, private.cache / "sources", symlinks=True)
    if place == "sources":
        path = store(private) / "tree" / DRIVER
    else:
        private.json("build", ["vmxnet3"])
        path = private.cache / "work" / private.release / "vmxnet3/tree" / DRIVER
    replace(path, "Linux driver for VMware's vmxnet3", "Linux driver for VMware's vmxnet4")
    for _ in range(2):
        (built,) = private.json("build", ["vmxnet3"])
        provenance = built["checks"]["provenance"]
        assert provenance["verdict"] == "fail"
        assert str(DRIVER) in provenance["evidence"]["summary"]
        assert "not proven" in provenance["evidence"]["summary"]
    assert "vmxnet4" in (private.cache / "work" / private.release / "vmxnet3/tree" / DRIVER).read_text()


HIDDEN = """
#define pfq_test_deliver(napi, skb) napi_gro_receive(napi, skb)
static int (*pfq_test_pointer)(struct sk_buff *) = netif_rx;
static void pfq_test_sites(struct napi_struct *napi, struct sk_buff *skb)
{
	/* napi_gro_receive is only mentioned here */
	pfq_test_deliver(napi, skb);
	pfq_test_pointer(skb);
#ifdef CONFIG_PFQ_TEST_NEVER
	netif_receive_skb(skb);
#endif
}
static void *pfq_test_used __attribute__((used)) = pfq_test_sites;
"""


def test_hidden_sites(private: Command, sources: Path) -> None:
    """A local macro, a function pointer, an inactive arm, a comment, and a function of that name in another file."""
    path = sources / DRIVER
    path.write_text(path.read_text() + HIDDEN)
    other = sources / FOLDER / "vmxnet3_ethtool.c"
    other.write_text(
        "struct sk_buff;\nstatic int netif_rx(struct sk_buff *skb);\n#define netif_rx pfq_test_real_netif_rx\n"
        + other.read_text()
        + "\n#undef netif_rx\nstatic int netif_rx(struct sk_buff *skb) { return !skb; }\n"
        + "static void *pfq_test_local __attribute__((used)) = netif_rx;\n"
    )
    (planned,) = private.json("plan", ["vmxnet3"], "--source", str(sources))
    text = path.read_text().splitlines()
    kinds = {
        (site["name"], text[site["line"] - 1].strip()): site["kind"]
        for site in planned["sites"]
        if site["path"] == str(DRIVER)
    }
    assert (
        kinds[("napi_gro_receive", "#define pfq_test_deliver(napi, skb) napi_gro_receive(napi, skb)")] == "macro body"
    )
    assert kinds[("netif_rx", "static int (*pfq_test_pointer)(struct sk_buff *) = netif_rx;")] == "address taken"
    assert kinds[("netif_receive_skb", "netif_receive_skb(skb);")] in ("inactive", "call")
    inactive = [s for s in planned["sites"] if s["kind"] == "inactive"]
    assert [text[s["line"] - 2].strip() for s in inactive] == ["#ifdef CONFIG_PFQ_TEST_NEVER"]
    assert kinds[("napi_gro_receive", "/* napi_gro_receive is only mentioned here */")] == "comment"
    local = [s["kind"] for s in planned["sites"] if s["path"].endswith("vmxnet3_ethtool.c")]
    assert set(local) == {"same name, other thing"}
    patch = private.run("plan", "vmxnet3", "--kernel", private.release, "--source", str(sources), "--diff").stdout
    assert "+#define pfq_test_deliver(napi, skb) pfq_gro_receive(napi, skb)" in patch
    assert "vmxnet3_ethtool" not in patch


def test_compiler_errors_are_named(private: Command, sources: Path) -> None:
    """A source that does not compile: file, line and the compiler's words, and the log; nothing is delivered."""
    path = sources / FOLDER / "vmxnet3_ethtool.c"
    path.write_text(path.read_text() + "\nint broken(void) { return no_such_thing; }\n")
    line = path.read_text().splitlines().index("int broken(void) { return no_such_thing; }") + 1
    done = private.run("build", "vmxnet3", "--kernel", private.release, "--source", str(sources), "--json")
    assert done.returncode == 12
    assert f"vmxnet3_ethtool.c:{line}: 'no_such_thing' undeclared" in done.stderr.replace("‘", "'").replace("’", "'")
    assert "build.log" in done.stderr
    assert json.loads(done.stdout) == []


def test_git_source(private: Command, sources: Path) -> None:
    """A git URL of the same sources is proven all the same."""
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        proc.run(["git", "-C", sources, "-c", "user.name=t", "-c", "user.email=t@localhost", *argv])
    (built,) = private.json("build", ["vmxnet3"], "--source", f"file://{sources}")
    assert built["checks"]["provenance"]["verdict"] == "pass"
