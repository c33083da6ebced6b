import { BreakerStopped } from '../../events/breaker.ts';
import { createBacklogGate } from '../../events/backlog-gate.ts';

const isPending = (waiting: Promise<unknown>): Promise<boolean> =>
  Promise.race([waiting.then(() => false), new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))]);

describe('the gate for further receivers', () => {
  it('opens with a full batch and closes with one that is not full', async () => {
    const gate = createBacklogGate();
    const waiting = gate.pass();
    await expect(isPending(waiting)).resolves.toBe(true);
    gate.saw(true);
    await expect(waiting).resolves.toBeUndefined();
    gate.saw(false);
    await expect(isPending(gate.pass())).resolves.toBe(true);
  });

  it('lets nobody in after a stop, and nobody wait for ever', async () => {
    const gate = createBacklogGate();
    const waiting = gate.pass();
    gate.stop();
    await expect(waiting).rejects.toThrow(BreakerStopped);
    gate.saw(true);
    await expect(gate.pass()).rejects.toThrow(BreakerStopped);
  });
});
