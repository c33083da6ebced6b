/** Changes to a chain by a person: parts of the request and the policy, further objects. They hold from the next job on. */
import { z } from 'zod';
import { createRequestSchema, taskTypeOf, type CreateRequest } from './create-request.ts';
import { accountOfArn, regionOfArn } from './names.ts';
import { policySchema, resolvePolicy, type Policy, type PolicyInput } from './policy.ts';
import { problemText } from './problems.ts';
import type { Spec } from './spec.ts';

/** What reaches the workflow: the whole new spec, already checked, and a manifest of further objects. Plain JSON. */
export type Amendment = {
  spec: Spec | null;
  manifestUri: string | null;
};

export type AmendReading = { kind: 'spec'; spec: Spec } | { kind: 'problems'; problems: string[] };

const changesSchema = z.strictObject({
  job: z.record(z.string(), z.unknown()).optional(),
  policy: policySchema.optional(),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects are merged field by field; everything else is replaced; null takes a field away. */
const mergeInto = (base: unknown, change: unknown): unknown => {
  if (!isRecord(base) || !isRecord(change)) return change;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else merged[key] = mergeInto(base[key], value);
  }
  return merged;
};

const amendPolicy = (policy: Policy, input: PolicyInput, job: CreateRequest): Policy => {
  const resolved = resolvePolicy(input, {
    taskType: taskTypeOf(job.HumanTaskConfig),
    hasAlgorithms: job.LabelingJobAlgorithmsConfig !== undefined,
  });
  const given = Object.keys(input).map((key) => (key in resolved ? key : `${key}Ms`));
  const changes = Object.fromEntries(Object.entries(resolved).filter(([key]) => given.includes(key)));
  return { ...policy, ...changes };
};

/** Why a field cannot change while labels under the old one exist; null if it may. */
const refusal = (old: Spec, job: CreateRequest): string[] => {
  const problems: string[] = [];
  const fixed = (path: string, before: string, after: string): void => {
    if (before !== after)
      problems.push(`${path}: cannot be amended (it is ${before}); start another chain for ${after}`);
  };
  fixed('job.LabelAttributeName', old.job.LabelAttributeName, job.LabelAttributeName);
  fixed('job.OutputConfig.S3OutputPath', old.job.OutputConfig.S3OutputPath, job.OutputConfig.S3OutputPath);
  fixed('the account of job.RoleArn', old.account, accountOfArn(job.RoleArn) ?? 'none');
  fixed(
    'the region of job.HumanTaskConfig.WorkteamArn',
    old.region,
    regionOfArn(job.HumanTaskConfig.WorkteamArn) ?? 'none',
  );
  fixed('the task type', taskTypeOf(old.job.HumanTaskConfig) ?? 'custom', taskTypeOf(job.HumanTaskConfig) ?? 'custom');
  const source = (request: CreateRequest): string => JSON.stringify(request.InputConfig.DataSource);
  if (source(old.job) !== source(job)) {
    problems.push('job.InputConfig.DataSource: cannot be amended; give further objects with amend --manifest s3://…');
  }
  return problems;
};

/** Reads changes (`{ "job": { … }, "policy": { … } }`, only what changes) against the spec that a chain has now. */
export const readAmendment = (old: Spec, changes: unknown): AmendReading => {
  const parsed = changesSchema.safeParse(changes, { reportInput: true });
  if (!parsed.success) return { kind: 'problems', problems: parsed.error.issues.flatMap(problemText) };
  const job = createRequestSchema.safeParse(mergeInto(old.job, parsed.data.job ?? {}), { reportInput: true });
  if (!job.success) {
    return {
      kind: 'problems',
      problems: job.error.issues.flatMap((issue) => problemText({ ...issue, path: ['job', ...issue.path] })),
    };
  }
  const problems = refusal(old, job.data);
  if (problems.length > 0) return { kind: 'problems', problems };
  const policy = amendPolicy(old.policy, parsed.data.policy ?? {}, job.data);
  if (policy.maxCost !== null && policy.price === null) {
    return { kind: 'problems', problems: ['policy.maxCost: needs policy.price to count with'] };
  }
  return { kind: 'spec', spec: { ...old, job: job.data, policy } };
};
