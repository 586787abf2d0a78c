/** Every colour and measure can be set from outside: `--dcm-badge-…`, for all tones or for one. */
const tones: Record<string, [background: string, ink: string]> = {
  waiting: ["light-dark(#fff0d4, #392a0e)", "light-dark(#774700, #ffd58c)"],
  calling: ["light-dark(#ffe5da, #40210f)", "light-dark(#93330b, #ffb997)"],
  talking: ["light-dark(#daf2e3, #0f3323)", "light-dark(#0c5a35, #92e2b6)"],
  paused: ["light-dark(#e0eafb, #182b4c)", "light-dark(#1f4a8a, #abc9fb)"],
  moving: ["light-dark(#ebe5fb, #2b214a)", "light-dark(#51358f, #ccbafb)"],
  closing: ["light-dark(#fbe3ed, #421b2e)", "light-dark(#86234f, #fbb5d1)"],
  quiet: ["light-dark(#e8edee, #243136)", "light-dark(#43535a, #b7c6cb)"],
};

const toneRules = Object.entries(tones)
  .map(
    ([tone, [background, ink]]) =>
      `:host([tone=${tone}]){--bg:var(--dcm-badge-${tone}-background,${background});--ink:var(--dcm-badge-${tone}-color,${ink})}`,
  )
  .join("");

const css = `
:host{display:inline-block;contain:content;--bg:#e8edee;--ink:#43535a;vertical-align:middle}
:host([hidden]){display:none}
[part=badge]{display:inline-flex;align-items:center;gap:.4375em;box-sizing:border-box;min-height:2.15em;
padding:.125em .85em .125em .6em;border:1px solid transparent;border-radius:var(--dcm-badge-radius,99px);
background:var(--dcm-badge-background,var(--bg));color:var(--dcm-badge-color,var(--ink));
font:var(--dcm-badge-font,600 .8125rem/1.3 system-ui,sans-serif);white-space:nowrap}
[part=icon]{flex:none;width:1.2em;height:1.2em;fill:none;stroke:currentColor;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round}
[part=time]{font-weight:450;font-variant-numeric:tabular-nums}
[part=stale]{font-weight:450}
[part=stale]:empty{display:none}
:host([stale]) [part=badge],:host([unknown]) [part=badge]{border:1px dashed currentColor}
:host([stale]) [part=time]{display:none}
${toneRules}`;

let shared: CSSStyleSheet | undefined;

/** One sheet for all badges of a page. */
export function stylesheet(): CSSStyleSheet {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(css);
  }
  return shared;
}
