"""The folder of a run, and the page made of it: what they hold, against the network and against slow twins.

The page is looked at by an HTML parser, and in a real browser (Debian's chromium) where there is one.
"""

import base64
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim import cli, runs
from neurosim.errors import ParameterError, SaveError
from neurosim.report import inlined, sections, write_page
from neurosim.report.bundles import bundles
from neurosim.report.page import POLICY

NASTY = '<script>alert("x")</script> & "more"'
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECTIONS = ["summary", "graph", "raster", "rates", "growth", "weights", "degree", "regions", "parameters", "origin"]


def edits(net):
    """A process of the test: births, deaths, newborn and dying neurons, all from the network's own draws."""
    rng = net.rng("edits")
    p, a = net.projections["aa"], net.populations["a & <b>"]
    own = a.uid
    pre, post = rng.choice(own, 6), rng.choice(own, 6)
    keep = pre != post
    p.insert(pre[keep], post[keep], rule="sprouting <i>")
    edges = p.edges()
    edges[rng.choice(len(edges), 4, replace=False)].remove(rule="pruning")
    if round(net.now) % 6 == 0:
        a.add(1)
    if round(net.now) % 10 == 0:
        a.remove(own[rng.integers(own.size)])


def small(seed=5, steps=()):
    """Neurons that fire by themselves in two regions, with parallel synapses that come and go."""
    net = ns.Network(dt=0.5, seed=seed)
    a = net.add_population("a & <b>", ns.LIF(i_e=400.0), 20, region="left")
    b = net.add_population("inhibitory", ns.LIF(i_e=380.0), 8, region="right")
    net.connect(a, a, ns.random(0.2), weight=0.3, parallel=True, name="aa")
    net.connect(a, b, ns.random(0.2), weight=0.5, name="ab")
    net.connect(b, a, ns.random(0.3), weight=-0.7, name="ba")
    net.add(ns.Callback(edits, every=2.0))
    spikes = net.record([a, b], "spikes")
    weights = net.record(net.projections["aa"], "weights", every=5.0)
    start = {p.name: (p.pre, p.post) for p in net.projections.values()}
    net.run(40.0)
    return net, spikes, weights, start


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(network, spikes, start, folder) of a run that was kept."""
    out = tmp_path_factory.mktemp("run")
    net, spikes, weights, start = small()
    given = {"target": 8.0, "name": NASTY, "rule": max, "sizes": np.arange(3)}
    labels = {int(uid): f"N{uid}" for uid in net.populations["inhibitory"].uid}
    runs.keep_run(
        out, net, spikes=spikes, weights=weights, title=NASTY, parameters=given, notes=f"  one\n{NASTY}", labels=labels
    )
    return net, spikes, start, out


def graph_twin(net, start, step):
    """The graph after the edits of `step`, as {(projection, pre, post): number}, from the start forwards, one by one."""
    graph = Counter((name, int(i), int(j)) for name, ends in start.items() for i, j in zip(*ends, strict=True))
    h = net.history
    for k in range(len(h)):
        if h.step[k] <= step and abs(h.kind[k]) == 1:
            graph[h.projections[h.projection[k]], int(h.pre[k]), int(h.post[k])] += int(h.kind[k])
    return +graph


# ---- the folder -----------------------------------------------------------------------------------------------------


def test_a_run_is_read_as_it_was(made):
    net, spikes, _, out = made
    run = ns.read_run(out)
    assert run.manifest["seed"] == 5 and run.span == (0.0, 40.0) and run.dt == 0.5
    assert run.manifest["versions"]["neurosim"] == ns.__version__
    assert run.manifest["parameters"] == {"target": 8.0, "name": NASTY, "rule": "max", "sizes": "array([0, 1, 2])"}
    edges = [p.edges() for p in net.projections.values()]
    for name in ("pre", "post", "weight"):
        whole = np.concatenate([getattr(e, name) for e in edges])
        np.testing.assert_array_equal(run.arrays[f"edges/{name}"], whole.astype(run.arrays[f"edges/{name}"].dtype))
    np.testing.assert_array_equal(run.arrays["spikes/0/t"], spikes.t)
    np.testing.assert_array_equal(run.arrays["spikes/0/uid"], spikes.uid)
    assert spikes.count > 20
    assert sum(p["neurons"] for p in run.manifest["populations"]) == net.n_neurons
    counted = Counter(int(j) for e in edges for j in e.post)
    assert run.arrays["neurons/in"].tolist() == [counted[int(uid)] for uid in run.arrays["neurons/uid"]]
    assert run.arrays["growth/born"].sum() == net.history.born and run.arrays["growth/died"].sum() == net.history.died
    # every spike is in the rates, but for what does not fill a last bin
    fired = sum(
        run.arrays[f"rates/{k}/rate"].sum() * one["width"] / 1e3 * n
        for k, (one, n) in enumerate(zip(run.manifest["rates"], [s[2] for s in spikes.segments], strict=True))
    )
    last = max(run.arrays[f"rates/{k}/t"][-1] + 0.5 * one["width"] for k, one in enumerate(run.manifest["rates"]))
    assert fired == pytest.approx((spikes.t <= last).sum())


def test_the_lifetimes_of_a_run_are_those_of_its_history(made):
    net, _, _, out = made
    whole, kept = net.history.lifetimes(), ns.read_run(out).lifetimes()
    assert len(whole) == len(kept) > 0 and kept.until == whole.until
    for name in ("pre", "post", "birth", "death", "projection"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(whole, name))
    for t in (0.0, 17.0, 40.0):
        one, other = whole.at(t), kept.at(t)
        for name in ("pre", "post", "projection", "neurons", "population", "region"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_keeping_changes_nothing(tmp_path):
    one, other = small()[0], small()[0]
    runs.keep_run(tmp_path, one)
    for net in (one, other):
        net.run(10.0)
    for name in ("step", "kind", "pre", "post", "weight"):
        np.testing.assert_array_equal(getattr(one.history, name), getattr(other.history, name))
    np.testing.assert_array_equal(one.populations["a & <b>"].v, other.populations["a & <b>"].v)


def test_what_does_not_fit_is_thinned_and_the_true_numbers_are_kept(made, tmp_path, monkeypatch):
    net, spikes, _, _ = made
    monkeypatch.setattr(runs, "MOST_SPIKES", 10)
    monkeypatch.setattr(runs, "MOST_EDGES", 30)
    monkeypatch.setattr(runs, "MOST_LIVES", 5)
    runs.keep_run(tmp_path, net, spikes=spikes)
    run = ns.read_run(tmp_path)
    assert run.manifest["spikes"][0]["count"] == spikes.count and run.manifest["spikes"][0]["kept"] == 10
    kept = set(zip(run.arrays["spikes/0/t"], run.arrays["spikes/0/uid"], strict=True))
    assert len(kept) == 10 and kept <= set(zip(spikes.t, spikes.uid, strict=True))
    assert [p["synapses"] for p in run.manifest["projections"]] == [len(p) for p in net.projections.values()]
    assert run.arrays["edges/pre"].size <= 30
    assert run.manifest["history"]["born"] == net.history.born and "lives/pre" not in run.arrays
    assert run.arrays["neurons/out"].sum() == net.n_synapses
    assert f"10 of {spikes.count:,} spikes" in sections.raster(run).body
    assert inlined.graph_data(run)["kind"] == "groups"  # neurons cannot be shown over time


def test_events_before_a_reset_are_left_out(tmp_path):
    net, _, _, _ = small()
    before = len(net.history)
    net.reset()
    start = {p.name: (p.pre, p.post) for p in net.projections.values()}
    net.run(10.0)
    net.connect(net.populations["inhibitory"], net.populations["inhibitory"], [(0, 1), (1, 2)], name="late")
    net.run(10.0)
    runs.keep_run(tmp_path, net)
    run = ns.read_run(tmp_path)
    assert run.manifest["history"]["earlier"] == before > 100
    begun = sum(pre.size for pre, _ in start.values())
    assert run.manifest["history"]["start"] == begun == (run.arrays["lives/born"] <= 0).sum()
    assert run.manifest["history"]["connected"] == 2
    count = bundles(run).count[:, 1, 1]
    assert count[0] == 0 and count[-1] == 2 and (count[run.arrays["growth/step"] >= 20] == 2).all()


def test_edits_before_the_first_step_belong_to_the_start(tmp_path):
    net = ns.Network(dt=0.5, seed=1)
    a = net.add_population("a", ns.LIF(i_e=400.0), 5)
    p = net.connect(a, a, [(0, 1), (1, 2), (2, 3)])
    p.insert([3, 4], [4, 0])
    p.remove(pre=0)
    net.run(5.0)
    p.insert(0, 2)
    net.run(5.0)
    runs.keep_run(tmp_path, net)
    run = ns.read_run(tmp_path)
    assert [run.manifest["history"][name] for name in ("start", "born", "died", "earlier")] == [4, 1, 0, 3]
    assert sorted(run.arrays["lives/born"].tolist()) == [0, 0, 0, 0, 10]


def test_an_older_run_is_replaced_and_nothing_else(made, tmp_path):
    net, spikes, _, _ = made
    runs.keep_run(tmp_path, net, title="first")
    runs.keep_run(tmp_path, net, title="second")
    assert ns.read_run(tmp_path).manifest["title"] == ns.read_run(tmp_path / "run").manifest["title"] == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    saved = tmp_path / "saved"
    net.save(str(saved / "run"))
    with pytest.raises(SaveError, match="exists and holds no run"):
        runs.keep_run(saved, net)
    with pytest.raises(SaveError, match="holds a neurosim network, no run; a saved network is read by ns.load"):
        ns.read_run(saved)
    with pytest.raises(SaveError, match="there is no such folder"):
        ns.read_run(tmp_path / "nowhere")
    with pytest.raises(ParameterError, match=r"keep_run\(spikes\): needs a spike recorder.* got str without"):
        runs.keep_run(tmp_path, net, spikes="exc")
    with pytest.raises(ParameterError, match=r"keep_run\(net\): needs a Network"):
        runs.keep_run(tmp_path, spikes)


# ---- the graph at a time --------------------------------------------------------------------------------------------


def test_lifetimes_give_the_graph_at_every_time(made):
    net, _, start, out = made
    run = ns.read_run(out)
    a = run.arrays
    parallels = 0
    for step in range(0, net.step + 1):
        alive = (a["lives/born"] <= step) & (step < a["lives/died"])
        ends = (a["lives/projections"][a["lives/projection"][alive]], a["lives/pre"][alive], a["lives/post"][alive])
        seen = Counter((str(name), int(i), int(j)) for name, i, j in zip(*ends, strict=True))
        assert seen == graph_twin(net, start, step), step
        parallels = max(parallels, *seen.values())
    assert parallels > 1 and net.history.died > 40 and (net.history.kind == -2).any()
    table, twin = run.to_pandas(), net.history.lifetimes().to_pandas()
    assert table.equals(twin[list(table.columns)].astype({"weight": np.float32}))
    rules = a["lives/rules"][a["lives/rule_died"][a["lives/rule_died"] >= 0]]
    assert Counter(rules.tolist()) == Counter(net.history.rules[k] for k in net.history.rule[net.history.kind == -1])


def test_bundles_count_synapses_between_regions(made):
    net, _, start, out = made
    run = ns.read_run(out)
    found = bundles(run)
    assert found.names == ["left", "right"]
    assert found.neurons == [len(p) for p in net.populations.values()]
    place = {"aa": (0, 0), "ab": (0, 1), "ba": (1, 0)}
    for k, step in enumerate(found.step.tolist()):
        expected = np.zeros((2, 2), int)
        for (name, _, _), count in graph_twin(net, start, step).items():
            expected[place[name]] += count
        np.testing.assert_array_equal(found.count[k], expected)
    assert found.inhibitory.tolist() == [[False, False], [True, False]]


# ---- the page -------------------------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """What a page holds: sections, addresses, text by element, and whether every element is closed."""

    EMPTY = {"meta", "link", "img", "input", "line", "circle", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.sections, self.addresses, self.text, self.ids = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.sections += [given["id"]] if tag == "section" else []
        self.addresses += [
            (tag, key, given[key]) for key in ("src", "href", "action", "data", "poster") if key in given
        ]
        assert not any(key.startswith("on") for key in given)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in self.EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.append((self.open[-1] if self.open else "", text))


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="graph-data">(.*?)</script>', text, re.S).group(1))


@pytest.fixture(scope="module")
def made_page(made):
    net, _, _, out = made
    return write_page(out).read_text(encoding="utf-8")


def test_the_page_is_whole_and_fetches_nothing(made, made_page):
    seen = Seen(made_page)
    assert not seen.open
    assert seen.sections == SECTIONS
    assert len(seen.ids) == len(set(seen.ids))
    assert all(one.startswith(("data:", "#")) for _, _, one in seen.addresses)
    assert {one for tag, _, one in seen.addresses if tag == "a"} == {f"#{name}" for name in SECTIONS}
    assert (
        "http:" not in made_page
        and "https:" not in made_page
        and "@import" not in made_page
        and "url(" not in made_page
    )
    assert POLICY.startswith("default-src 'none'") and f'content="{POLICY}"' in made_page
    assert len(made_page) < 1_000_000
    pictures = [one for tag, _, one in seen.addresses if tag == "img"]
    assert len(pictures) == 7  # spikes, rates, growth, rules, weights at the end and over time, degree
    assert all(b"<svg" in base64.b64decode(one.partition(",")[2])[:500] for one in pictures)


def test_the_page_says_what_the_run_was(made, made_page):
    net, spikes, start, _ = made
    said = " ".join(text for tag, text in Seen(made_page).text if tag not in ("script", "style"))
    begun = sum(pre.size for pre, _ in start.values())
    h = net.history
    assert f"began with {begun} synapses and ended with {net.n_synapses}: {h.born} were born and {h.died} died" in said
    assert f"{net.n_neurons} neurons in 2 populations" in said
    assert f"fired {spikes.count} spikes" in said
    assert "sprouting <i> made" in said and "seed 5" in said and ns.__version__ in said and "target 8.0" in said


def test_what_users_write_is_escaped(made_page):
    seen = Seen(made_page)
    assert [text for tag, text in seen.text if tag in ("title", "h1")] == [NASTY, NASTY]
    assert sum(tag == "script" for tag, _ in seen.text) == 2  # the data and the program, and no third
    assert NASTY not in made_page
    assert ("pre", f"  one\n{NASTY}") in seen.text
    assert ("td", "a & <b>") in seen.text


@pytest.mark.slow
def test_the_page_reads_the_folder_alone(made, made_page, tmp_path):
    """The same page from a copy of the folder; the time at which it was kept is in the folder too."""
    _, _, _, out = made
    shutil.copytree(out / "run", tmp_path / "run")
    assert write_page(tmp_path, tmp_path / "deep" / "er.html").read_text(encoding="utf-8") == made_page


def test_the_data_of_the_page_is_the_graph(made, made_page):
    net, _, start, _ = made
    data = data_of(made_page)
    take = {name: np.frombuffer(base64.b64decode(data[name]), dtype) for name, dtype in
            (("uid", "<i4"), ("pre", "<u2"), ("post", "<u2"), ("begin", "<i4"), ("end", "<i4"), ("x", "<f4"))}  # fmt: skip
    assert data["kind"] == "neurons" and data["last"] == net.step and np.isfinite(take["x"]).all()
    for step in (0, 17, 40, net.step):
        alive = (take["begin"] <= step) & (step < take["end"])
        pairs = Counter(
            zip(take["uid"][take["pre"][alive]].tolist(), take["uid"][take["post"][alive]].tolist(), strict=True)
        )
        expected = Counter()
        for (_, i, j), count in graph_twin(net, start, step).items():
            expected[i, j] += count
        assert pairs == expected


def test_a_network_of_nothing_has_a_page_too(tmp_path):
    net = ns.Network(seed=1)
    runs.keep_run(tmp_path, net)
    seen = Seen(write_page(tmp_path).read_text(encoding="utf-8"))
    said = " ".join(text for _, text in seen.text)
    assert "There are 0 synapses; none was born or died." in said and "No spikes were kept" in said


# ---- the command line -----------------------------------------------------------------------------------------------

SCRIPT = '''"""A script that keeps its run."""
import neurosim as ns


def main(duration=5.0, seed=1, out="runs", progress=None, *, rate=400.0, name="x"):
    net = ns.Network(dt=0.5, seed=seed)
    net.add_population("n", ns.LIF(i_e=rate), 4)
    spikes = net.record("n")
    net.run(duration)
    ns.keep_run(out, net, spikes=spikes, parameters={"extra": 3})
'''


def test_run_tells_of_the_report_and_report_makes_it(tmp_path, capsys):
    script, out = tmp_path / "mine.py", tmp_path / "out folder"
    script.write_text(SCRIPT)
    command = ["run", str(script), "--out", str(out), "--seed", "3", "--set", "name=a b"]
    assert cli.main(command) == 0
    saved, last = capsys.readouterr().out.splitlines()
    assert saved.startswith(f"saved run/ in {out} (")
    assert last == f"neurosim report '{out}' makes a page of it"
    manifest = ns.read_run(out).manifest
    assert manifest["title"] == manifest["scenario"] == "mine"
    assert manifest["parameters"] == {"duration": 5.0, "seed": 3, "rate": 400.0, "name": "a b", "extra": 3}
    assert manifest["command"] == f"neurosim run {script} --out '{out}' --seed 3 --set 'name=a b'"
    assert cli.main(["report", str(out)]) == 0
    assert re.fullmatch(rf"saved {out}/report.html, [\d.]+ MB \([\d.]+ s\)\n", capsys.readouterr().out)
    assert "To do it again:" in (out / "report.html").read_text(encoding="utf-8")


def test_report_of_a_folder_without_a_run_says_what_to_do(tmp_path, capsys):
    (tmp_path / "report.json").write_text("{}")
    assert cli.main(["report", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "holds no run (run/manifest.json is missing): run the scenario again, neurosim run NAME --out" in told
    assert "ns.keep_run(" in told and "Traceback" not in told
    assert not (tmp_path / "report.html").exists()


# ---- a browser ------------------------------------------------------------------------------------------------------


def browse(path, tmp_path, fragment="", *options):
    """The document as chromium leaves it; fails if the console holds anything."""
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    command += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
    command += ["--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000", "--window-size=1000,1400"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", *options, f"{Path(path).as_uri()}{fragment}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints, complaints
    return done.stdout


def status_of(document):
    """What the page says of the graph it draws, as the attributes of the line under it."""
    found = re.search(r'<p id="graph-status"([^>]*)>([^<]*)</p>', document)
    return dict(re.findall(r'data-([a-z]+)="([^"]*)"', found.group(1))) | {"text": found.group(2)}


# Without a screen frames come by real time while timers run ahead: draw by timers.
FRAMES = (
    "<head><script>window.requestAnimationFrame = (draw) => setTimeout(() => draw(performance.now()), 16);</script>"
)
# Acts as a user would, and writes what came of it into the document.
PROBE = """<script>
(function () {
  const byId = (id) => document.getElementById(id), canvas = byId("graph-canvas"), slider = byId("graph-time"), out = {};
  const copy = document.createElement("canvas"), pen = copy.getContext("2d", { willReadFrequently: true });
  const colours = () => { copy.width = canvas.width; copy.height = canvas.height; pen.drawImage(canvas, 0, 0);
    const d = pen.getImageData(0, 0, canvas.width, canvas.height).data; let drawn = 0, fresh = 0, sum = 0;
    for (let k = 0; k < d.length; k += 4) {
      if (d[k] + d[k + 1] + d[k + 2] < 700) drawn++; if (d[k] > 180 && d[k + 1] < 150 && d[k + 2] < 90) fresh++;
      sum = (sum * 31 + d[k] * 7 + d[k + 1] * 3 + d[k + 2]) % 1000003; }
    return { drawn, fresh, sum }; };
  const frame = () => new Promise((done) => setTimeout(done, 20));
  const key = (name) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  const point = (type, x, y, extra) => { const box = canvas.getBoundingClientRect();
    canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true, ...extra })); };
  canvas.setPointerCapture = () => {};
  (async () => {
    await frame(); out.end = colours();
    slider.focus(); slider.value = 500; slider.dispatchEvent(new Event("input", { bubbles: true })); await frame();
    out.middle = { ...byId("graph-status").dataset }; out.spoken = slider.getAttribute("aria-valuetext"); out.half = colours();
    key("+"); key("ArrowLeft"); await frame(); out.zoomed = colours();
    key("0"); await frame(); out.back = colours();
    point("pointerdown", 300, 300); point("pointermove", 340, 320); point("pointerup", 340, 320); await frame(); out.dragged = colours();
    key("0"); await frame();
    const seen = new Set();
    for (let x = 12; x < canvas.clientWidth; x += 22) for (let y = 12; y < canvas.clientHeight; y += 22) {
      point("pointermove", x, y); await frame(); seen.add(byId("graph-status").dataset.hover); }
    out.hovered = [...seen]; point("pointerleave", 0, 0); await frame(); out.left = byId("graph-status").dataset.hover;
    byId("graph-find").value = "n20"; byId("graph-find").dispatchEvent(new Event("input")); await frame();
    out.found = { ...byId("graph-status").dataset }; out.tip = byId("graph-tip").textContent; out.shown = !byId("graph-tip").hidden;
    out.wide = document.documentElement.scrollWidth - window.innerWidth;
    document.documentElement.dataset.probe = JSON.stringify(out);
  })().catch((error) => console.error(String(error)));
})();
</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_the_page_in_a_browser(made, made_page, tmp_path):
    """Times and neurons named in the address: what is drawn is what the history says."""
    net, _, start, out = made
    h = net.history
    for ms, recent, who in ((40.0, 2.0, 20), (17.5, 5.0, 0), (0.0, 1.0, 3)):
        step, window = round(ms / 0.5), round(recent / 0.5)
        seen = status_of(
            browse(out / "report.html", tmp_path, f"#t={ms:g}&recent={recent:g}&hover={who}", "--dump-dom")
        )
        graph = graph_twin(net, start, step)
        assert int(seen["step"]) == step
        assert int(seen["synapses"]) == sum(graph.values())
        assert int(seen["hover"]) == who
        assert int(seen["sent"]) == sum(count for (_, i, _), count in graph.items() if i == who)
        assert int(seen["received"]) == sum(count for (_, _, j), count in graph.items() if j == who)
        born, died = net.history.lifetimes().table.born, net.history.lifetimes().table.died
        assert int(seen["born"]) == ((born > max(step - window, 0)) & (born <= step) & (step < died)).sum()
        assert int(seen["died"]) == ((died <= step) & (died > step - window)).sum()
        came, went = ((h.kind == kind) & (h.step <= step) for kind in (2, -2))
        assert int(seen["alive"]) == 28 + came.sum() - went.sum()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
@pytest.mark.parametrize("width", [1000, 500])
def test_slider_zoom_drag_and_hover_in_a_browser(made, made_page, tmp_path, width):
    net, _, start, _ = made
    probed = tmp_path / "probed.html"
    probed.write_text(made_page.replace("<head>", FRAMES).replace("</body>", PROBE), encoding="utf-8")
    document = browse(probed, tmp_path, "", "--dump-dom", f"--window-size={width},1400", "--virtual-time-budget=60000")
    told = re.search(r'data-probe="([^"]*)"', document)
    assert told, "the probe did not come to its end"
    out = json.loads(told.group(1).replace("&quot;", '"'))
    assert out["end"]["drawn"] > 2000 and out["end"]["fresh"] > 50  # synapses, and new ones in their colour
    step = int(out["middle"]["step"])
    assert step == 40 and out["spoken"] == "20 ms"
    assert int(out["middle"]["synapses"]) == sum(graph_twin(net, start, step).values())
    assert out["zoomed"]["sum"] != out["half"]["sum"] and out["back"]["sum"] == out["half"]["sum"]
    assert out["dragged"]["sum"] != out["back"]["sum"]
    uids = {str(uid) for uid in ns.read_run(made[3]).arrays["neurons/uid"]}
    assert len(set(out["hovered"]) - {""}) > 3 and set(out["hovered"]) <= uids | {""} and out["left"] == ""
    assert out["found"]["hover"] == "20" and out["shown"] and out["tip"].startswith("N20uid 20, inhibitory in right")
    assert out["wide"] <= 0  # nothing sticks out at the side


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_many_neurons_are_drawn_as_regions_in_a_browser(made, tmp_path, monkeypatch):
    net, _, start, out = made
    monkeypatch.setattr(inlined, "MOST_NEURONS", 10)
    target = write_page(out, tmp_path / "groups.html")
    step = int(bundles(ns.read_run(out)).step[30])
    seen = status_of(browse(target, tmp_path, f"#t={step * 0.5:g}&hover=right", "--dump-dom"))
    graph = graph_twin(net, start, step)
    assert int(seen["synapses"]) == sum(graph.values())
    assert seen["hover"] == "right"
    assert int(seen["sent"]) == sum(count for (name, _, _), count in graph.items() if name == "ba")
    assert int(seen["received"]) == sum(count for (name, _, _), count in graph.items() if name == "ab")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")
def test_a_picture_of_the_page_is_not_blank(made, made_page, tmp_path):
    from matplotlib.image import imread

    shot = tmp_path / "page.png"
    browse(made[3] / "report.html", tmp_path, "", f"--screenshot={shot}")
    pixels = imread(shot)[:, :, :3]
    assert pixels.shape == (1400, 1000, 3)
    assert 0.02 < (pixels.mean(axis=2) < 0.8).mean() < 0.5


@pytest.mark.slow
def test_the_command_makes_a_film_too(made, tmp_path, capsys):
    from PIL import Image

    _, _, _, out = made
    path = tmp_path / "growth.gif"
    assert cli.main(["report", str(out), "--out", str(tmp_path / "page.html"), "--film", str(path)]) == 0
    assert f"saved {path}" in capsys.readouterr().out
    with Image.open(path) as film:
        assert film.n_frames > 10
