"""How panels look: in the page's own colours, from 400 to 1600 pixels wide."""

SHEET = """
/* :where weighs nothing, so a panel's own rules win, also over those of a panel inside it. */
.labkit-panel { max-width: 1200px; overflow: visible; gap: 4px; }
.labkit-panel .labkit-row { display: flex; flex-flow: row wrap; gap: 4px 12px; overflow: visible; }
:where(.labkit-panel) .labkit-row { align-items: center; }
.labkit-panel .labkit-row .jp-OutputArea-output { padding: 0; }
.labkit-panel .labkit-row p { margin: 0; }
.labkit-panel .labkit-shown { display: flex; flex-flow: row wrap; align-items: flex-start;
  gap: 0 12px; overflow: visible; }
.labkit-panel .labkit-shown > * { max-width: 100%; margin: 0; overflow: visible; }
.labkit-panel .labkit-whole-line { flex: 1 1 100%; }
.labkit-panel .widget-inline-hbox { max-width: calc(100% - 4px); }  /* beside their margins */
.labkit-panel .widget-html-content { max-width: 100%; }
.labkit-panel .widget-html-content { line-height: 1.45; }
:where(.labkit-panel) .labkit-field { width: 350px; max-width: 100%; overflow: visible; }
.labkit-panel .labkit-field .widget-label { text-overflow: ellipsis; overflow: hidden; }
.labkit-panel .labkit-invalid input, .labkit-panel .labkit-invalid select,
.labkit-panel .labkit-invalid textarea { outline: 2px solid var(--jp-error-color1, #c62828); }
.labkit-panel .labkit-problem { border-left: 4px solid var(--jp-error-color1, #c62828);
  padding: 2px 8px; margin: 2px 0; white-space: pre-line; }
.labkit-panel textarea { font-family: var(--jp-code-font-family, monospace); font-size: 13px; }
.labkit-panel button:focus-visible, .labkit-panel input:focus-visible,
.labkit-panel select:focus-visible, .labkit-panel textarea:focus-visible,
.labkit-panel [tabindex]:focus-visible { outline: 2px solid var(--jp-brand-color1, #1976d2);
  outline-offset: 1px; }
"""


def sheet(panel: str) -> str:
    """Return the style sheet of a panel, which also hides its record while it is on the page."""
    hidden = f"body:has(.labkit-panel-{panel}) .labkit-record-{panel} {{ display: none; }}"
    return f"<style>{SHEET}{hidden}</style>"
