// Follows Airflow's colour mode, sends links to Airflow to its own window, and filters when a choice is made.
// All pages also work without this script.
(function () {
  "use strict";
  function paint() {
    var chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch (error) { /* storage is closed: the system's mode */ }
    try { chosen = chosen && chosen[0] === '"' ? JSON.parse(chosen) : chosen; } catch (error) { chosen = null; }
    if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
  }
  paint();
  window.addEventListener("storage", paint);
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-host]");
    if (!link || window.parent === window || event.ctrlKey || event.metaKey) return;
    try {
      // The frame must not navigate its parent window, but a link of that window may.
      var outer = window.parent.document.createElement("a");
      outer.href = link.href;
      window.parent.document.body.appendChild(outer);
      event.preventDefault();
      outer.click();
      outer.remove();
    } catch (error) { /* not in Airflow's own frame: an ordinary link */ }
  });
  document.addEventListener("change", function (event) {
    var form = event.target.closest && event.target.closest("form.filters");
    if (form) form.requestSubmit();
  });
})();
