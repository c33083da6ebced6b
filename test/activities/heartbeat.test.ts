/** Signs of life: what tells Temporal that a process is not dead. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { beatWhile } from '../../activities/heartbeat.ts';

test('work that waits for something else beats until it is over, and no longer', async () => {
  const environment = new MockActivityEnvironment();
  let beats = 0;
  let thirdBeat = (): void => undefined;
  environment.on('heartbeat', () => {
    beats += 1;
    if (beats === 3) thirdBeat();
  });
  const answer = await environment.run(() =>
    beatWhile(
      () =>
        new Promise((resolve) => {
          thirdBeat = () => resolve('done');
        }),
      1,
    ),
  );
  expect(answer).toBe('done');
  const after = beats;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(beats).toBe(after);
});

test('work that fails has its own error, and beats no longer', async () => {
  const environment = new MockActivityEnvironment();
  let beats = 0;
  environment.on('heartbeat', () => (beats += 1));
  const failing = environment.run(() => beatWhile(() => Promise.reject(new Error('S3 is away')), 1));
  await expect(failing).rejects.toThrow('S3 is away');
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(beats).toBe(0);
});
