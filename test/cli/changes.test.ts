import { changesBetween } from '../../cli/changes.ts';
import { wrap } from '../../cli/wrap.ts';
import { emptyDocument, job } from '../report/reports.ts';

describe('the last changes of the live view', () => {
  const running = { ...emptyDocument, jobs: [job(1, { status: 'InProgress', outcome: null, endedAt: null })] };

  test('the first look tells only what the newest job is', () => {
    const jobs = [job(1), job(2, { status: 'InProgress', outcome: null })];
    expect(changesBetween(null, { ...emptyDocument, jobs })).toEqual(['job 2 is InProgress']);
  });

  test('an ending is told with its outcome and labels, the next job with its objects', () => {
    const after = {
      ...running,
      jobs: [
        job(1, { outcome: 'failed-transient', newLabels: 7, failureReason: 'InternalServerError' }),
        job(2, { status: 'Deciding', outcome: null, sent: 14 }),
      ],
    };
    expect(changesBetween(running, after)).toEqual([
      'job 1 Failed, failed-transient, 7 labels: InternalServerError',
      'job 2 is decided: segments-abcde-002, 14 objects',
    ]);
  });

  test('counters alone are no change; attention, its answer and the end are', () => {
    const counted = { ...running, jobs: running.jobs.map((one) => ({ ...one, labeled: 3 })) };
    expect(changesBetween(running, counted)).toEqual([]);
    const attention = { reason: 'no-progress', message: '', actions: [], since: null };
    const asked = { ...running, status: 'attention' as const, attention };
    expect(changesBetween(running, asked)).toEqual(['a person is asked: no-progress']);
    expect(changesBetween(asked, running)).toEqual(['a person answered']);
    expect(changesBetween(running, { ...running, status: 'labeled' })).toEqual(['the chain is labeled']);
  });
});

test('text is broken at spaces, and what must be copied stays whole', () => {
  expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
  expect(wrap('see s3://a-very-long/uri now', 10, '  ')).toEqual(['see', '  s3://a-very-long/uri', '  now']);
  expect(wrap('', 10)).toEqual(['']);
});
