/** Makes one fault happen, and undoes it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './schedule.ts';
import type { Build, ChaosStack } from './stack.ts';
import type { Supervised } from './supervised.ts';

const killed = async (process: Supervised, forMs: number): Promise<void> => {
  await process.kill();
  await sleep(forMs);
  await process.up();
};

const frozen = async (process: Supervised, forMs: number): Promise<void> => {
  process.freeze();
  await sleep(forMs);
  process.thaw();
};

/** A roll-out as docs/operate.md describes it, with the old worker killed at its end instead of stopped. */
const rolledOut = async (stack: ChaosStack, build: Build, forMs: number): Promise<void> => {
  const old = stack.processes.worker;
  const further = await stack.startWorker(build);
  if (build.buildId !== null) await stack.routeTo(build.buildId, 50);
  await sleep(forMs / 2);
  if (build.buildId !== null) await stack.routeTo(build.buildId, 100);
  await sleep(forMs / 2);
  stack.takeOver(further);
  await old.kill();
};

/** Resolves when the fault is over and what it hit is up again. */
export const makeFault = async (stack: ChaosStack, fault: Fault, nextBuild: () => Build): Promise<void> => {
  const { processes, gates } = stack;
  const { forMs, mode } = fault;
  switch (fault.kind) {
    case 'kill-worker':
      return killed(processes.worker, forMs);
    case 'kill-consumer':
      return killed(processes.consumer, forMs);
    case 'kill-simulator':
      return killed(processes.simulator, forMs);
    case 'kill-temporal':
      return killed(processes.temporal, forMs);
    case 'freeze-worker':
      return frozen(processes.worker, forMs);
    case 'freeze-consumer':
      return frozen(processes.consumer, forMs);
    case 'freeze-simulator':
      return frozen(processes.simulator, forMs);
    case 'freeze-temporal':
      return frozen(processes.temporal, forMs);
    case 'queue-away':
    case 's3-away': {
      const gate = fault.kind === 'queue-away' ? gates.queue : gates.s3;
      gate.setMode(mode);
      await sleep(forMs);
      gate.setMode('open');
      return;
    }
    case 'two-versions':
      return rolledOut(stack, nextBuild(), forMs);
  }
};
