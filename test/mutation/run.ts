/**
 * Measures the tests of decisions/ by mutation (StrykerJS) and writes test/mutation/result.json: commit, date, score and
 * counts by file. Run by `npm run mutation`, or for some files only: `npm run mutation -- outcome follow`; then the other
 * files keep their last result. One file after another, each with the tests that are about it: the random histories hold
 * the whole, but are too slow to be run for thousands of mutants.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const RESULT = 'test/mutation/result.json';
const REPORT = 'node_modules/.cache/label-relay/mutation.json';
const TARGET = 80;

/** Tests that a file's mutants are run against, where they are not just the file's own. */
const TESTS: Record<string, readonly string[]> = {
  'after-job': ['after-job', 'attempts'],
  attention: ['outcomes-page'],
  'chain-state': ['after-job'],
  ending: ['after-job'],
  follow: ['follow', 'hand-over'],
  'job-request': ['view'],
  'next-order': ['next-order', 'next-input'],
  policy: ['policy', 'spec', 'spec-schema'],
  'create-request': ['create-request', 'spec', 'spec-schema'],
  problems: ['spec', 'policy', 'create-request'],
  skeleton: ['spec'],
  spec: ['spec', 'spec-schema'],
};

/** Names and numbers as data; their users' tests hold them, and a mutant of a constant table says nothing. */
const WITHOUT = ['search-attributes'];

const reportSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      mutants: z.array(
        z.object({
          status: z.string(),
          mutatorName: z.string(),
          replacement: z.string().optional(),
          location: z.object({ start: z.object({ line: z.number() }) }),
        }),
      ),
    }),
  ),
});
const countsSchema = z.object({
  score: z.number(),
  killed: z.number(),
  timeout: z.number(),
  survived: z.number(),
  noCoverage: z.number(),
  errors: z.number(),
});
const resultSchema = z.object({
  commit: z.string(),
  date: z.string(),
  score: z.number(),
  mutants: z.number(),
  target: z.number(),
  files: z.record(z.string(), countsSchema),
});
type Counts = z.infer<typeof countsSchema>;

const scoreOf = (detected: number, undetected: number): number =>
  detected + undetected === 0 ? 100 : Math.round((10_000 * detected) / (detected + undetected)) / 100;

const measure = (name: string): Counts => {
  const file = `decisions/${name}.ts`;
  const run = spawnSync('npx', ['stryker', 'run', 'test/mutation/stryker.config.json', '--mutate', file], {
    env: { ...process.env, MUTATION_TESTS: (TESTS[name] ?? [name]).join(',') },
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`${file}: ${run.stdout.slice(-2_000)}${run.stderr.slice(-2_000)}`);
  const report = reportSchema.parse(JSON.parse(readFileSync(REPORT, 'utf8')));
  const mutants = report.files[file]?.mutants ?? [];
  const count = (status: string): number => mutants.filter((mutant) => mutant.status === status).length;
  const [killed, timeout, survived, noCoverage] = [
    count('Killed'),
    count('Timeout'),
    count('Survived'),
    count('NoCoverage'),
  ];
  for (const mutant of mutants.filter((one) => one.status === 'Survived' || one.status === 'NoCoverage')) {
    console.log(
      `  ${file}:${mutant.location.start.line} ${mutant.mutatorName} → ${(mutant.replacement ?? '').replaceAll(/\s+/g, ' ').slice(0, 100)}`,
    );
  }
  return {
    score: scoreOf(killed + timeout, survived + noCoverage),
    killed,
    timeout,
    survived,
    noCoverage,
    errors: mutants.length - killed - timeout - survived - noCoverage,
  };
};

const previous = (): Record<string, Counts> => {
  try {
    return resultSchema.parse(JSON.parse(readFileSync(RESULT, 'utf8'))).files;
  } catch {
    return {};
  }
};

const all = readdirSync('decisions')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -'.ts'.length))
  .filter((name) => !WITHOUT.includes(name));
const chosen = process.argv.slice(2);
const files: Record<string, Counts> = chosen.length === 0 ? {} : previous();
for (const name of all.filter((one) => chosen.length === 0 || chosen.includes(one))) {
  files[name] = measure(name);
  console.log(`${name}: ${files[name].score} %`);
  const counts = Object.values(files);
  const sum = (pick: (of: Counts) => number): number => counts.reduce((total, one) => total + pick(one), 0);
  const result: z.infer<typeof resultSchema> = {
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    date: new Date().toISOString(),
    score: scoreOf(
      sum((one) => one.killed + one.timeout),
      sum((one) => one.survived + one.noCoverage),
    ),
    mutants: sum((one) => one.killed + one.timeout + one.survived + one.noCoverage),
    target: TARGET,
    files: Object.fromEntries(Object.entries(files).toSorted(([a], [b]) => a.localeCompare(b))),
  };
  writeFileSync(RESULT, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`all so far: ${result.score} % of ${result.mutants}`);
  process.exitCode = result.score < TARGET ? 1 : 0;
}
