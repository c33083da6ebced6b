/**
 * The spec file: `{ "chain": …, "job": { CreateLabelingJob without the name }, "policy": { … } }`.
 * Reading it lists every mistake with its path, never only the first.
 */
import { z } from 'zod';
import { createRequestSchema, isStreaming, taskTypeOf, type CreateRequest } from './create-request.ts';
import { CHAIN_NAME_MAX_LENGTH, accountOfArn, isChainName, regionOfArn } from './names.ts';
import { problemText, withKnownFields } from './problems.ts';
import { policyProblems, policySchema, resolvePolicy } from './policy-schema.ts';
import type { Policy } from './policy.ts';
import { filledIn } from './skeleton.ts';

const chainNameHelp = `must be lower case letters, digits and inner hyphens, at most ${CHAIN_NAME_MAX_LENGTH}`;

/** The shape of a spec file; `npm run schema` makes the JSON Schema from it. */
export const specSchema = z.strictObject({
  $schema: z.string().optional().describe('Where an editor finds this schema. Not read.'),
  chain: z.string().refine(isChainName, chainNameHelp).describe(`The name of the chain: it ${chainNameHelp}.`),
  job: createRequestSchema,
  policy: policySchema.optional(),
});

/** A spec as the rest of the code sees it: checked, every default filled in. Plain JSON. */
export type Spec = {
  chain: string;
  job: CreateRequest;
  policy: Policy;
  /** From the work team's ARN: jobs run where their team is. */
  region: string;
  /** From RoleArn. */
  account: string;
  streaming: boolean;
};

/** A spec, or every mistake in it, one line each with its path. */
export type SpecReading = { kind: 'spec'; spec: Spec } | { kind: 'problems'; problems: string[] };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the parts of a policy say together; read even where the job part has mistakes, so that all are listed at once. */
const policyProblemsOf = (policy: unknown): string[] => {
  const parsed = policySchema.safeParse(policy ?? {});
  return parsed.success ? policyProblems(resolvePolicy(parsed.data, { taskType: null, hasAlgorithms: false })) : [];
};

/** Every mistake in a spec, as lines such as `job.HumanTaskConfig.TaskTitle: is missing (expected string)`. */
export const readSpec = (input: unknown): SpecReading => {
  const problems: string[] = [];
  let given = input;
  if (isRecord(input)) {
    const { LabelingJobName: name, ...job } = isRecord(input['job']) ? input['job'] : {};
    if (name !== undefined && name !== '') {
      problems.push(
        'job.LabelingJobName: must be left out; the chain names its jobs <chain>-<5 characters>-<generation>',
      );
    }
    given = { ...input, ...(isRecord(input['job']) ? { job: filledIn(job) } : {}) };
    problems.push(...policyProblemsOf(input['policy']));
  }
  const result = specSchema.safeParse(given, { reportInput: true, error: withKnownFields });
  if (!result.success) problems.push(...result.error.issues.flatMap((issue) => problemText(issue)));
  if (!result.success || problems.length > 0) return { kind: 'problems', problems };
  const { chain, job, policy } = result.data;
  const region = regionOfArn(job.HumanTaskConfig.WorkteamArn);
  const account = accountOfArn(job.RoleArn);
  if (region === null) return { kind: 'problems', problems: ['job.HumanTaskConfig.WorkteamArn: names no region'] };
  if (account === null) return { kind: 'problems', problems: ['job.RoleArn: names no account'] };
  const resolved = resolvePolicy(policy ?? {}, {
    taskType: taskTypeOf(job.HumanTaskConfig),
    hasAlgorithms: job.LabelingJobAlgorithmsConfig !== undefined,
  });
  return { kind: 'spec', spec: { chain, job, policy: resolved, region, account, streaming: isStreaming(job) } };
};
