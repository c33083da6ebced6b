/** What goes through continue-as-new and into records is plain JSON: held by the compiler (`npm run types`), for every field that is added. */
import type { ChainRecord } from '../../activities/records.ts';
import type { Carried, LabelingChainInput, LabelingChainResult } from '../../workflows/chain-run.ts';
import type { CarriedJob, LabelingJobInput } from '../../workflows/job-follower.ts';
import type { JobReport, StateChange, WorkerActivity } from '../../workflows/messages.ts';

type Never = ReadonlyMap<never, never> | ReadonlySet<never> | Date | bigint | symbol | ((...args: never[]) => unknown);

/** True if every part of a type comes out of JSON as it went in; `unknown` was read from JSON before. */
type IsJson<Value> = unknown extends Value
  ? true
  : Value extends string | number | boolean | null | undefined
    ? true
    : Value extends Never
      ? false
      : Value extends readonly (infer Item)[]
        ? IsJson<Item>
        : Value extends object
          ? false extends { [Key in keyof Value]-?: IsJson<Value[Key]> }[keyof Value]
            ? false
            : true
          : false;

type All<Value> = [IsJson<Value>] extends [true] ? true : false;

const PLAIN: {
  chain: All<Carried>;
  chainInput: All<LabelingChainInput>;
  chainResult: All<LabelingChainResult>;
  job: All<CarriedJob>;
  jobInput: All<LabelingJobInput>;
  record: All<ChainRecord>;
  reports: All<JobReport>;
  stateChange: All<StateChange>;
  workerActivity: All<WorkerActivity>;
} = {
  chain: true,
  chainInput: true,
  chainResult: true,
  job: true,
  jobInput: true,
  record: true,
  reports: true,
  stateChange: true,
  workerActivity: true,
};

/** The measure itself: what JSON would lose is seen, however deep it lies. */
const SEEN: [
  All<{ deep: { list: { map: Map<string, number> }[] } }>,
  All<{ either: string | Set<string> }>,
  All<{ at: Date }>,
  All<{ call?: () => void }>,
  All<{ big: bigint }>,
] = [false, false, false, false, false];

test('what is carried through continue-as-new, sent to a workflow or written into a record is plain JSON', () => {
  expect(Object.values(PLAIN)).not.toContain(false);
  expect(SEEN).not.toContain(true);
});
