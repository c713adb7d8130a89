// The tile on Airflow's home page. Airflow loads it as a module and gives it React; a user who may not read
// the DAG sees no tile.
const React = globalThis.React;
const box = (style, ...children) => React.createElement("div", { style }, ...children);
const COLOURS = { good: "#38a169", warn: "#dd9a1f", bad: "#d93a30", wait: "#8a94a3", none: "#8a94a3" };

function Tile() {
  const [said, say] = React.useState(null);
  React.useEffect(() => {
    let here = true;
    const read = () =>
      fetch(new URL("quality/tile.json", ADDRESS), { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : { status: answer.status }))
        .catch(() => ({ status: 503 }))
        .then((found) => here && say(found));
    read();
    const timer = setInterval(read, 60000);
    return () => { here = false; clearInterval(timer); };
  }, []);
  if (said === null || (said.status && said.status !== 503)) return null;
  const shown = said.status
    ? { tone: "wait", mark: "○", title: "not available", lines: ["the lake does not respond"] }
    : said;
  const title = box({ fontWeight: 600 }, `${shown.mark} ${shown.title}`);
  const lines = [...shown.lines, ...(shown.problem ? [`not up to date: ${shown.problem}`] : [])];
  const text = box({ fontSize: "0.875rem", opacity: 0.8 }, lines.join(" · "));
  const href = new URL(shown.href || "plugin/data-quality", document.baseURI).href;
  const style = {
    display: "block", padding: "0.75rem 1rem", border: "1px solid var(--chakra-colors-border, #ccc)",
    borderLeft: `6px solid ${COLOURS[shown.tone]}`, borderRadius: "8px", margin: "0 0 0.5rem",
  };
  const heading = box({ fontSize: "0.8rem", opacity: 0.8 }, "Data quality");
  return React.createElement("a", { href, style, id: "usertags-tile" }, heading, title, text);
}

const ADDRESS = new URL("../", import.meta.url);
globalThis["usertags quality tile"] = Tile;
