/**
 * The charts of a report as SVG text, drawn by Vega without a browser. Colours are CSS variables of the page
 * (`page.ts`), so that one drawing serves light and dark.
 */
import { View, parse, type Data, type Mark, type Spec } from 'vega';
import type { JobReport, Report } from './document.ts';

const WIDTH = 860;
/** Above this many jobs the labels of expiries would lie on each other. */
const LABELED_EXPIRIES = 12;
const MINUTE_MS = 60_000;

const color = (name: string): string => `var(--${name})`;

/** What a bar says by its colour: `page.ts` has the same names in its legend. */
export const jobTone = (
  job: Pick<JobReport, 'outcome' | 'endedAt'>,
): 'live' | 'done' | 'expired' | 'failed' | 'stopped' => {
  if (job.outcome === null) return job.endedAt === null ? 'live' : 'done';
  switch (job.outcome) {
    case 'expired':
      return 'expired';
    case 'failed-transient':
    case 'failed-input':
    case 'failed-unknown':
    case 'gone':
      return 'failed';
    case 'stopped-by-us':
    case 'stopped-outside':
    case 'stopping-condition':
    case 'not-created':
      return 'stopped';
    default:
      return 'done';
  }
};

const config = {
  font: 'system-ui, sans-serif',
  axis: {
    domainColor: color('line'),
    tickColor: color('line'),
    gridColor: color('grid'),
    labelColor: color('quiet'),
    titleColor: color('quiet'),
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal' as const,
  },
};

/** Draws a specification; the SVG scales with the page. */
const draw = async (spec: Spec, label: string): Promise<string> => {
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    const svg = await view.toSVG();
    const escaped = label.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
    return svg.replace(/^<svg ([^>]*?)\s*width="[^"]*" height="[^"]*"/, `<svg $1 role="img" aria-label="${escaped}"`);
  } finally {
    view.finalize();
  }
};

/** From the first job's creation to the last thing that is known; at least a minute. */
const timeDomain = (report: Report): [number, number] | null => {
  const times = [
    ...report.progress.map(({ at }) => Date.parse(at)),
    ...report.jobs.flatMap(({ createdAt, endedAt }) =>
      [createdAt, endedAt].flatMap((at) => (at === null ? [] : [Date.parse(at)])),
    ),
  ];
  if (times.length === 0) return null;
  const first = Math.min(...times);
  return [first, Math.max(first + MINUTE_MS, ...times)];
};

const timeScale = (domain: [number, number]) => ({ name: 'x', type: 'utc', domain, range: 'width' }) as const;

/** As in the sentences of the page: hours from 0 to 23. */
const TIME_FORMAT = {
  seconds: '%H:%M:%S',
  minutes: '%H:%M',
  hours: '%H:%M',
  day: '%-d %b',
  date: '%-d %b',
  week: '%-d %b',
};

const timeAxis = {
  orient: 'bottom',
  scale: 'x',
  tickCount: 8,
  labelOverlap: true,
  grid: false,
  formatType: 'utc',
  format: TIME_FORMAT,
} as const;

/** Labels over time, with the expiries marked; null before the first job exists. */
export const progressChart = async (report: Report): Promise<string | null> => {
  const domain = timeDomain(report);
  if (domain === null || report.progress.length === 0) return null;
  const { total } = report.objects;
  const points = report.progress.map(({ at, labeled }) => ({ at: Date.parse(at), labeled }));
  const last = points.at(-1);
  const data: Data[] = [
    { name: 'points', values: points },
    { name: 'last', values: last === undefined ? [] : [last] },
    { name: 'total', values: total > 0 ? [{ total }] : [] },
    {
      name: 'expiries',
      values: report.expiries.map(({ generation, at }) => ({
        at: Date.parse(at),
        text: report.expiries.length <= LABELED_EXPIRIES ? `job ${generation} expired` : '',
      })),
    },
  ];
  const x = { scale: 'x', field: 'at' };
  const y = { scale: 'y', field: 'labeled' };
  const marks: Mark[] = [
    {
      type: 'rule',
      from: { data: 'expiries' },
      encode: {
        enter: {
          x,
          y: { value: 0 },
          y2: { signal: 'height' },
          stroke: { value: color('expired') },
          strokeDash: { value: [4, 3] },
        },
      },
    },
    {
      type: 'text',
      from: { data: 'expiries' },
      encode: {
        enter: {
          x: { ...x, offset: -4 },
          y: { value: 6 },
          angle: { value: -90 },
          align: { value: 'right' },
          baseline: { value: 'bottom' },
          text: { field: 'text' },
          fill: { value: color('quiet') },
          fontSize: { value: 11 },
        },
      },
    },
    {
      type: 'rule',
      from: { data: 'total' },
      encode: {
        enter: {
          x: { value: 0 },
          x2: { signal: 'width' },
          y: { scale: 'y', field: 'total' },
          stroke: { value: color('quiet') },
          strokeWidth: { value: 1 },
        },
      },
    },
    {
      type: 'text',
      from: { data: 'total' },
      encode: {
        enter: {
          x: { value: 4 },
          y: { scale: 'y', field: 'total', offset: -5 },
          text: { signal: "format(datum.total, ',') + ' objects'" },
          fill: { value: color('quiet') },
          fontSize: { value: 11 },
        },
      },
    },
    {
      type: 'area',
      from: { data: 'points' },
      encode: {
        enter: { x, y, y2: { scale: 'y', value: 0 }, fill: { value: color('done') }, fillOpacity: { value: 0.12 } },
      },
    },
    {
      type: 'line',
      from: { data: 'points' },
      encode: { enter: { x, y, stroke: { value: color('done') }, strokeWidth: { value: 2 } } },
    },
    {
      type: 'symbol',
      from: { data: 'last' },
      encode: { enter: { x, y, fill: { value: color('done') }, size: { value: 40 } } },
    },
    {
      type: 'text',
      from: { data: 'last' },
      encode: {
        enter: {
          x: { ...x, offset: -8 },
          // Below the line's end, or above it where there is no room below.
          y: { ...y, offset: (last?.labeled ?? 0) < total * 0.15 ? -10 : 16 },
          align: { value: 'right' },
          text: { signal: "format(datum.labeled, ',') + ' labeled'" },
          fill: { value: color('text') },
          fontSize: { value: 12 },
        },
      },
    },
  ];
  const spec: Spec = {
    width: WIDTH,
    height: 260,
    padding: { top: 14, left: 4, right: 12, bottom: 4 },
    config,
    data,
    scales: [
      timeScale(domain),
      {
        name: 'y',
        type: 'linear',
        domain: [0, Math.max(1, total, ...report.progress.map(({ labeled }) => labeled))],
        range: 'height',
        nice: false,
      },
    ],
    axes: [
      timeAxis,
      { orient: 'left', scale: 'y', tickCount: 5, grid: true, format: ',d', tickMinStep: 1, title: 'labeled objects' },
    ],
    marks,
  };
  return draw(
    spec,
    `Labeled objects over time: ${last?.labeled ?? 0} of ${total}; ${report.expiries.length} jobs expired`,
  );
};

/** When each labeling job lived, by what became of it; null before the first exists. */
export const jobsChart = async (report: Report): Promise<string | null> => {
  const domain = timeDomain(report);
  const lived = report.jobs.filter(({ createdAt }) => createdAt !== null);
  if (domain === null || lived.length === 0) return null;
  const [from, to] = domain;
  const bars = lived.map((job) => {
    const start = Date.parse(job.createdAt ?? '');
    const end = job.endedAt === null ? to : Date.parse(job.endedAt);
    const text = `${job.outcome ?? job.status}, ${job.labels} labels`;
    return {
      generation: String(job.generation),
      start,
      end,
      tone: color(jobTone(job)),
      text,
      // Inside a long bar, else on the side where there is room.
      place: end - start > (to - from) * 0.35 ? 'inside' : end > from + (to - from) * 0.7 ? 'left' : 'right',
    };
  });
  const spec: Spec = {
    width: WIDTH,
    height: Math.max(40, bars.length * 24),
    padding: { top: 6, left: 4, right: 12, bottom: 4 },
    config,
    data: [{ name: 'bars', values: bars }],
    scales: [
      timeScale(domain),
      { name: 'y', type: 'band', domain: bars.map(({ generation }) => generation), range: 'height', padding: 0.25 },
    ],
    axes: [
      { ...timeAxis, grid: true },
      { orient: 'left', scale: 'y', title: 'job', domain: false, ticks: false, labelPadding: 6 },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'bars' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'start' },
            // A job of minutes in a chain of months still shows.
            x2: { signal: "max(scale('x', datum.end), scale('x', datum.start) + 3)" },
            y: { scale: 'y', field: 'generation' },
            height: { scale: 'y', band: 1 },
            fill: { field: 'tone' },
            cornerRadius: { value: 3 },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'bars' },
        encode: {
          enter: {
            x: {
              signal:
                "datum.place === 'inside' ? scale('x', datum.start) + 8 : datum.place === 'left' ? scale('x', datum.start) - 6 : max(scale('x', datum.end), scale('x', datum.start) + 3) + 6",
            },
            y: { scale: 'y', field: 'generation', band: 0.5 },
            align: { signal: "datum.place === 'left' ? 'right' : 'left'" },
            baseline: { value: 'middle' },
            text: { field: 'text' },
            fill: { signal: `datum.place === 'inside' ? '${color('page')}' : '${color('text')}'` },
            fontSize: { value: 11 },
          },
        },
      },
    ],
  };
  return draw(spec, `Timeline of ${bars.length} labeling jobs`);
};

/** Objects by the number of attempts that counted; null where nothing was counted. */
export const attemptsChart = async (report: Report): Promise<string | null> => {
  const rows = report.objectsSummary?.byAttempts ?? [];
  if (rows.length === 0) return null;
  const kinds = [
    ['labeled', 'done'],
    ['remaining', 'live'],
    ['setAside', 'failed'],
  ] as const;
  const values = rows.flatMap((row) =>
    kinds.map(([kind, tone], order) => ({
      attempts: String(row.attempts),
      order,
      count: row[kind],
      tone: color(tone),
    })),
  );
  const totals = rows.map((row) => ({
    attempts: String(row.attempts),
    count: row.labeled + row.remaining + row.setAside,
  }));
  const spec: Spec = {
    width: WIDTH - 120,
    height: Math.max(40, rows.length * 26),
    padding: { top: 4, left: 4, right: 70, bottom: 4 },
    config,
    data: [
      {
        name: 'rows',
        values,
        transform: [{ type: 'stack', groupby: ['attempts'], field: 'count', sort: { field: 'order' } }],
      },
      { name: 'totals', values: totals },
    ],
    scales: [
      { name: 'x', type: 'linear', domain: { data: 'totals', field: 'count' }, range: 'width', zero: true, nice: true },
      { name: 'y', type: 'band', domain: rows.map(({ attempts }) => String(attempts)), range: 'height', padding: 0.25 },
    ],
    axes: [
      { orient: 'bottom', scale: 'x', tickCount: 6, format: ',d', tickMinStep: 1, title: 'objects', grid: true },
      { orient: 'left', scale: 'y', title: 'attempts', domain: false, ticks: false, labelPadding: 6 },
    ],
    marks: [
      {
        type: 'rect',
        from: { data: 'rows' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'y0' },
            x2: { scale: 'x', field: 'y1' },
            y: { scale: 'y', field: 'attempts' },
            height: { scale: 'y', band: 1 },
            fill: { field: 'tone' },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'totals' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'count', offset: 6 },
            y: { scale: 'y', field: 'attempts', band: 0.5 },
            baseline: { value: 'middle' },
            text: { signal: "format(datum.count, ',')" },
            fill: { value: color('text') },
            fontSize: { value: 12 },
          },
        },
      },
    ],
  };
  return draw(spec, 'Objects by failed attempts');
};
