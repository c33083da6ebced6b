/** The checks before a start, as a short workflow on the worker: clients need no AWS credentials. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { Preflight, PreflightInput } from '../activities/preflight.ts';
import { call } from './calls.ts';

export async function labelingPreflight(input: PreflightInput): Promise<Preflight> {
  const result = await call('checkSpec', `Check the spec of ${input.spec.chain}`, input);
  setCurrentDetails(
    result.findings.map(({ level, check, message }) => `- **${level}** ${check}: ${message}`).join('\n'),
  );
  return result;
}
