/** The order in which planned things happen. */
import fc from 'fast-check';
import { Agenda } from '../../simulator/agenda.ts';

/** Works everything off and tells in which order it ran. */
const workOff = async (agenda: Agenda, untilMs: number): Promise<void> => {
  for (let due = agenda.takeDue(untilMs); due !== null; due = agenda.takeDue(untilMs)) await due.run();
};

describe('the agenda', () => {
  test('runs what is due by time, at one moment in the order of planning, and leaves the rest (I8)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 20 })), fc.nat({ max: 20 }), async (times, untilMs) => {
        const agenda = new Agenda();
        const ran: [number, number][] = [];
        times.forEach((atMs, order) => {
          agenda.plan(atMs, () => {
            ran.push([atMs, order]);
          });
        });
        const inOrder = times
          .map((atMs, order): [number, number] => [atMs, order])
          .toSorted((left, right) => left[0] - right[0] || left[1] - right[1]);
        await workOff(agenda, untilMs);
        expect(ran).toEqual(inOrder.filter(([atMs]) => atMs <= untilMs));
        expect(agenda.nextMs()).toBe(inOrder.find(([atMs]) => atMs > untilMs)?.[0] ?? null);
      }),
    );
  });

  test('forgets what was cancelled', () => {
    const agenda = new Agenda();
    const planned = agenda.plan(1, () => {});
    agenda.plan(2, () => {});
    planned.cancelled = true;
    expect(agenda.nextMs()).toBe(2);
    expect(agenda.takeDue(1)).toBeNull();
  });
});
