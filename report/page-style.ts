/** The style of the report's page: the colours of charts and text, light and dark. */

export const style = `
:root {
  color-scheme: light dark;
  --page: #fcfcfb; --text: #1d1f23; --quiet: #5f6670; --line: #b9bec6; --grid: #e6e8eb; --box: #f3f4f5;
  --done: #2f6fb5; --live: #3a9188; --expired: #b7791f; --failed: #b83a3a; --stopped: #7c7f87; --link: #1f5fa8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15171a; --text: #e7e9ec; --quiet: #a0a7b1; --line: #555c66; --grid: #2b2f35; --box: #1f2226;
    --done: #6aa9ec; --live: #5cc2b6; --expired: #dba74a; --failed: #ee7f7f; --stopped: #9a9ea7; --link: #86bbf3;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 10px; }
h3 { font-size: 16px; margin: 20px 0 8px; }
a { color: var(--link); overflow-wrap: anywhere; }
.asked, li, p { overflow-wrap: anywhere; }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.status { font-size: 14px; font-weight: 600; padding: 2px 10px; border-radius: 999px; border: 1.5px solid currentColor; vertical-align: 4px; }
.status.labeled { color: var(--done); } .status.running { color: var(--live); } .status.failed { color: var(--failed); }
.status.attention, .status.finished, .status.stopped { color: var(--expired); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(124px, 1fr)); gap: 10px; margin: 20px 0; }
.figures div { background: var(--box); border-radius: 8px; padding: 10px 12px; }
.figures dd { margin: 0; white-space: nowrap; font-size: 19px; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures dt { color: var(--quiet); font-size: 13px; }
.asked { border-left: 4px solid var(--expired); background: var(--box); padding: 12px 16px; border-radius: 0 8px 8px 0; margin: 16px 0; overflow-wrap: anywhere; }
.asked ul { margin: 8px 0 0; padding-left: 20px; }
.story li { margin: 4px 0; overflow-wrap: anywhere; }
figure { margin: 8px 0; }
figure svg { width: 100%; height: auto; display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 0; color: var(--quiet); font-size: 13px; }
.legend i, .dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px 6px 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
td code { display: inline-block; min-width: 220px; }
.whole { white-space: nowrap; }
td { min-width: 48px; overflow-wrap: break-word; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; padding-right: 16px; }
.quiet, footer { color: var(--quiet); font-size: 14px; }
footer { margin-top: 40px; border-top: 1px solid var(--grid); padding-top: 12px; }
@media print { main { max-width: none; padding: 0; } }
`;
