// The tile on Airflow's home page. Airflow loads it as a module and gives it React; a user who may not read
// the DAG sees no tile. All its texts come from the server, in the language of the project.
const React = globalThis.React;
const box = (style, ...children) => React.createElement("div", { style }, ...children);
const COLOURS = { good: "#38a169", warn: "#dd9a1f", bad: "#d93a30", wait: "#8a94a3", none: "#8a94a3" };

// While the lake is down the answer has the tile for that.
const down = (answer) => answer.json().then((found) => found.tile || null);
// Without any answer the tile keeps what it knows: the language.
const unreachable = (last) => last && { ...last, tone: "wait", mark: "○", title: last.unavailable, lines: [] };

function Tile() {
  const [said, say] = React.useState(null);
  React.useEffect(() => {
    let here = true;
    const read = () =>
      fetch(new URL("quality/tile.json", ADDRESS), { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : answer.status === 503 ? down(answer) : null))
        .then((found) => here && say(found))
        .catch(() => here && say(unreachable));
    read();
    const timer = setInterval(read, 60000);
    return () => { here = false; clearInterval(timer); };
  }, []);
  if (said === null) return null;
  const title = box({ fontWeight: 600 }, `${said.mark} ${said.title}`);
  const text = box({ fontSize: "0.875rem", opacity: 0.8 }, said.lines.join(" · "));
  const href = new URL(said.href || "plugin/data-quality", document.baseURI).href;
  const style = {
    display: "block", padding: "0.75rem 1rem", border: "1px solid var(--chakra-colors-border, #ccc)",
    borderLeft: `6px solid ${COLOURS[said.tone]}`, borderRadius: "8px", margin: "0 0 0.5rem",
  };
  const heading = box({ fontSize: "0.8rem", opacity: 0.8 }, said.heading);
  return React.createElement("a", { href, style, id: "usertags-tile" }, heading, title, text);
}

const ADDRESS = new URL("../", import.meta.url);
globalThis["usertags quality tile"] = Tile;
