export const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#ffffff, #1c2027);
  --line: light-dark(#dfe3e8, #323843);
  --text: light-dark(#1c2128, #e4e8ee);
  --quiet: light-dark(#5b6673, #98a3b1);
  --link: light-dark(#0b5fc4, #78b4ff);
  --good: light-dark(#1a7f4b, #58c98b);
  --bad: light-dark(#c22a35, #ff8087);
  --busy: light-dark(#8f6000, #e6bb58);
  --notice: light-dark(#fff5d9, #35301f);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; padding-top: 1.5rem; }
header strong { font-size: 1.15rem; }
header a { color: inherit; text-decoration: none; }
a { color: var(--link); }
h1 { font-size: 1.35rem; margin: 1.25rem 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
.notice { background: var(--notice); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .8rem; margin: .75rem 0 0; }
.quiet { color: var(--quiet); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
.card + .card { margin-top: .75rem; }
.card > p { margin: 0; padding: .9rem 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem 1rem; border-bottom: 1px solid var(--line); }
tr:last-child > td { border-bottom: 0; }
th { font-weight: 500; color: var(--quiet); font-size: .85rem; white-space: nowrap; }
td { overflow-wrap: anywhere; }
td.tight, .tight { white-space: nowrap; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { margin: 0; padding: .8rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30rem; overflow-y: auto; }
.state { font-weight: 600; white-space: nowrap; }
.state::before { content: "\\25cf\\00a0"; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.busy { color: var(--busy); }
.tag { border: 1px solid var(--line); border-radius: 99px; padding: 0 .5rem; font-size: .8rem; color: var(--quiet); }
footer { height: 3rem; }
`
