/** Lets somebody see every call to AWS that a client makes: for metrics and traces. Changes no call. */
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { isRefusal, isThrottle } from './aws-failures.ts';

/** `service` and `operation` in AWS's words, such as `SageMaker` and `DescribeLabelingJob`. */
export type AwsCall = { service: string; operation: string };

/** How one attempt went. `refused`: AWS answered that the call is wrong or not allowed; a "not there" is one too. */
export type AwsCallResult = 'ok' | 'throttled' | 'refused' | 'failed';

export type CallWatch = {
  /** Around a whole call, with its retries. */
  around: <Result>(call: AwsCall, run: () => Promise<Result>) => Promise<Result>;
  /** After each attempt: the SDK itself tries again what was throttled or not answered. */
  attempted: (call: AwsCall, result: AwsCallResult) => void;
};

const resultOf = (thrown: unknown): AwsCallResult => {
  if (isThrottle(thrown)) return 'throttled';
  return isRefusal(thrown) ? 'refused' : 'failed';
};

type Named = { clientName?: string; commandName?: string };

const callOf = ({ clientName = '', commandName = '' }: Named): AwsCall => ({
  service: clientName.replace(/Client$/, ''),
  operation: commandName.replace(/Command$/, ''),
});

/** The client, watched from now on. */
export const watched = <Client extends { middlewareStack: { add(middleware: never, options: never): void } }>(
  client: Client,
  { around, attempted }: CallWatch,
): Client => {
  // The stacks of all clients differ only in the types of what goes through, at which nothing here looks.
  const middlewareStack = client.middlewareStack as unknown as SageMakerClient['middlewareStack'];
  middlewareStack.add((next, context) => (args) => around(callOf(context), () => next(args)), {
    step: 'initialize',
    name: 'watchCall',
  });
  // Inside of the middleware that retries.
  middlewareStack.add(
    (next, context) => async (args) => {
      try {
        const result = await next(args);
        attempted(callOf(context), 'ok');
        return result;
      } catch (thrown) {
        attempted(callOf(context), resultOf(thrown));
        throw thrown;
      }
    },
    { step: 'finalizeRequest', priority: 'low', name: 'watchAttempt' },
  );
  return client;
};
