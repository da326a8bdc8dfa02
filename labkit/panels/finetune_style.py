"""How the fine-tuning panel looks: two columns where the page has room, else one."""

SHEET = """<style>
.labkit-finetune { max-width: 1600px; }
.labkit-finetune .labkit-columns { display: flex; flex-flow: row wrap; gap: 8px 24px;
  overflow: visible; }
.labkit-finetune .labkit-column { flex: 3 1 380px; min-width: 0; max-width: 100%;
  overflow: visible; }
.labkit-finetune .labkit-side { flex: 2 1 340px; }
.labkit-finetune .labkit-fold { overflow: visible; }
.labkit-finetune .labkit-fold > button { width: 100%; text-align: left; font-weight: 600;
  margin: 2px 0; }
.labkit-finetune .labkit-column > *, .labkit-finetune .labkit-row { overflow: visible; }
.labkit-finetune .labkit-row { align-items: flex-start; }
.labkit-finetune .widget-inline-hbox { max-width: 100%; margin-left: 0; margin-right: 0; }
.labkit-finetune .labkit-field { width: 216px; margin: 0 0 6px 0; }
.labkit-finetune .labkit-field:has(textarea) { width: 444px; }
.labkit-finetune .labkit-field > .widget-inline-hbox { flex-direction: column; height: auto; }
.labkit-finetune .labkit-field > .widget-inline-hbox > * { width: 100% !important; margin: 0;
  flex: 0 0 auto; box-sizing: border-box; }
.labkit-finetune .labkit-field .widget-label { text-align: left; line-height: 1.5; height: auto; }
.labkit-finetune .labkit-field select { height: var(--jp-widgets-inline-height, 28px); }
.labkit-finetune .labkit-field .slider-container { padding: 6px 8px 0 8px; }
.labkit-finetune .labkit-field > .widget-checkbox { padding-top: 1.4em; }
.labkit-finetune .labkit-mover .widget-label { position: absolute; width: 1px !important;
  height: 1px; overflow: hidden; clip-path: inset(50%); }
.labkit-finetune .labkit-seen pre { white-space: pre-wrap; overflow-wrap: anywhere;
  max-height: 15em; overflow: auto; margin: 2px 0 10px 0; padding: 6px 8px; font-size: 13px;
  line-height: 1.5; border: 1px solid rgba(128,128,128,0.4); background: transparent;
  color: inherit; }
.labkit-finetune .labkit-side .labkit-run { overflow-wrap: anywhere; }
.labkit-finetune.labkit-is-wrong .labkit-same textarea { opacity: 0.5; }
.labkit-finetune .labkit-small { font-size: 0.9em; opacity: 0.85; }
</style>"""
"""Added to the style of all panels."""
