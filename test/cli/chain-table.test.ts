/** A chain on a terminal of 80 columns. */
import { chainLine, chainTable } from '../../cli/chain-table.ts';
import { paint } from '../../cli/output.ts';
import { emptyDocument, job } from '../report/reports.ts';

const table = (document: Partial<typeof emptyDocument>): string =>
  chainTable({ document: { ...emptyDocument, ...document }, live: null }, paint(false));

test('a command to copy ends where what it is for begins: behind two spaces, or on the next line', () => {
  const actions = [
    'label-relay resume segments  once it is raised',
    `label-relay amend segments-${'of-the-sea-'.repeat(4)}floor --set policy.maxCost=<more>  to raise the limit`,
    'see whether the work team has the job in its portal and can do the tasks that it is given there',
  ];
  const text = table({ attention: { reason: 'max-cost', message: 'too dear', actions, since: null } });
  expect(text).toContain('\n- label-relay resume segments  once it is raised\n');
  expect(text).toContain('floor --set policy.maxCost=<more>\n    to raise the limit\n- see whether');
});

test('the bar counts what the live job has labeled so far, and the line beside it says so', () => {
  const jobs = [job(1, { status: 'InProgress', outcome: null, endedAt: null, labeled: 30 })];
  const text = table({ objects: { total: 60, labeled: 0, remaining: 60, setAside: 0, doubled: 0 }, jobs });
  expect(text).toContain(
    `${'█'.repeat(20)}${'░'.repeat(20)} 0/60 labeled\n30 more by the live job so far, 60 remaining\n`,
  );
  const short = table({ objects: { total: 60, labeled: 60, remaining: 0, setAside: 0, doubled: 0 } });
  expect(short).toContain('█ 60/60 labeled, 0 remaining');
});

test('of large datasets too no line is wider than the terminal', () => {
  const text = table({
    objects: { total: 1_100_000, labeled: 500_000, remaining: 500_000, setAside: 100_000, doubled: 12_345 },
  });
  expect(text).toContain('500000/1100000 labeled\n500000 remaining, 100000 set aside, 12345 doubled');
});

test('of more jobs than fit on the screen the latest are shown, with how many there are before them', () => {
  const jobs = Array.from({ length: 24 }, (_, index) => job(index + 1));
  const text = chainTable({ document: { ...emptyDocument, jobs }, live: null }, paint(false), 80, 6);
  expect(text).toMatch(/lived\n {2}… 18 earlier\n 19 Failed/);
  expect(text.match(/^ +\d+ Failed/gm)).toHaveLength(6);
});

test('says why the latest jobs failed or were given less', () => {
  const jobs = [
    job(1, { failureReason: 'the first' }),
    job(2, { failureReason: 'InternalServerError: '.padEnd(100, 'try again ') }),
    job(3, { note: 'a smaller slice of 15 objects, so that policy.maxCost holds' }),
    job(4, { failureReason: 'AccessDenied' }),
  ];
  const text = table({ jobs });
  expect(text).toContain('job 3: a smaller slice of 15 objects, so that policy.maxCost holds\njob 4: AccessDenied');
  expect(text).not.toContain('the first');
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

test('what a person or AWS wrote moves no cursor and changes no colour', () => {
  const escape = '\u001B[31m';
  const text = table({ reason: `${escape}red`, jobs: [job(1, { failureReason: `${escape}\u0007bell` })] });
  expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  expect(text).toContain('[31mred');
});

test('off a terminal a chain is one line, which names no job before there is one', () => {
  const objects = { total: 60, labeled: 0, remaining: 60, setAside: 0, doubled: 0 };
  const before = { ...emptyDocument, status: 'running' as const, reason: null, objects, jobs: [] };
  expect(chainLine(before)).toBe(`${emptyDocument.chain} running; 0/60 labeled, 60 remaining`);
  const live = job(1, { status: 'InProgress', outcome: null, endedAt: null, labeled: 30 });
  expect(chainLine({ ...before, generation: 1, jobs: [live] })).toMatch(
    new RegExp(`^\\S+ running generation 1: ${live.name} InProgress 30/\\d+; 0/60 labeled, 60 remaining$`),
  );
});
