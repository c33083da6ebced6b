/**
 * What goes into and out of every workflow: log lines name the chain and the job, traces go on. Bundled with the workflows.
 * No function here awaits: with these interceptors the commands come in the same order as without (I8).
 */
import { workflowInfo, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { chainOfWorkflowId } from '../decisions/names.ts';
import { cameIn, withCause } from './causes.ts';

const textAt = (value: unknown, key: string): string | null => {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : null;
  return typeof found === 'string' ? found : null;
};

/** The names that people know, beside the ids that the SDK logs: a chain's is in its id, a job's input has both. */
const namesOf = (input: unknown): Record<string, string> => {
  const chain = chainOfWorkflowId(workflowInfo().workflowId) ?? textAt(input, 'chain');
  const request: unknown = typeof input === 'object' && input !== null ? Reflect.get(input, 'request') : null;
  const job = textAt(request, 'LabelingJobName');
  return { ...(chain === null ? {} : { chain }), ...(job === null ? {} : { job }) };
};

export const interceptors: WorkflowInterceptorsFactory = () => {
  let names: Record<string, string> = {};
  return {
    inbound: [
      {
        execute: (input, next) => {
          names = namesOf(input.args[0]);
          cameIn('starts', input.headers);
          return next(input);
        },
        handleSignal: (input, next) => {
          cameIn(`hears ${input.signalName}`, input.headers);
          return next(input);
        },
        handleUpdate: (input, next) => {
          cameIn(`takes ${input.name}`, input.headers);
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next({ ...input, headers: withCause(input.headers) }),
        startChildWorkflowExecution: (input, next) => next({ ...input, headers: withCause(input.headers) }),
        signalWorkflow: (input, next) => next({ ...input, headers: withCause(input.headers) }),
        getLogAttributes: (input, next) => next({ ...input, ...names }),
      },
    ],
  };
};
