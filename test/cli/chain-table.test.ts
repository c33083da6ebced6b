/** A chain on a terminal of 80 columns. */
import { chainTable } from '../../cli/chain-table.ts';
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
