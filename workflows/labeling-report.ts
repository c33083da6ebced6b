/** What a report says of a chain's objects, as a short workflow on the worker: clients need no AWS credentials. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { ObjectsSummary, ReportInput } from '../activities/report.ts';
import { call } from './calls.ts';

export async function labelingReport(input: ReportInput): Promise<ObjectsSummary> {
  const summary = await call('summarizeObjects', `Count the objects of ${input.chain}`, input);
  setCurrentDetails(
    [
      `Read for a report on the chain \`${input.chain}\`; it changes nothing.`,
      '',
      '| attempts | labeled | remaining | set aside |',
      '|---|---|---|---|',
      ...summary.byAttempts.map((row) => `| ${row.attempts} | ${row.labeled} | ${row.remaining} | ${row.setAside} |`),
    ].join('\n'),
  );
  return summary;
}
