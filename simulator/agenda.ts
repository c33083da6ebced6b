/**
 * What will happen and when: a binary heap of happenings, ordered by time and, at the same millisecond, by the order in
 * which they were planned. The order is what makes two runs with the same seed equal.
 */

/** A planned happening; cancel it by setting `cancelled`. */
export type Planned = { readonly atMs: number; cancelled: boolean };

type Happening = Planned & { readonly order: number; readonly run: () => void | Promise<void> };

const isBefore = (left: Happening, right: Happening): boolean =>
  left.atMs === right.atMs ? left.order < right.order : left.atMs < right.atMs;

export class Agenda {
  readonly #heap: Happening[] = [];
  #planned = 0;

  /** Plans `run` for a moment; a moment already past runs as soon as the agenda is next worked off. */
  plan(atMs: number, run: () => void | Promise<void>): Planned {
    const happening: Happening = { atMs, order: this.#planned++, run, cancelled: false };
    this.#heap.push(happening);
    this.#rise(this.#heap.length - 1);
    return happening;
  }

  /** When the next happening is due; null if nothing is planned. */
  nextMs(): number | null {
    this.#dropCancelled();
    return this.#heap[0]?.atMs ?? null;
  }

  /** Takes the next happening out if it is due at `nowMs` or before. */
  takeDue(nowMs: number): Happening | null {
    this.#dropCancelled();
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return null;
    this.#removeFirst();
    return first;
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled === true) this.#removeFirst();
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(start: number): void {
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!this.#swapIfBefore(position, parent)) return;
      position = parent;
    }
  }

  #sink(): void {
    let position = 0;
    for (;;) {
      const left = 2 * position + 1;
      const right = left + 1;
      const leftItem = this.#heap[left];
      if (leftItem === undefined) return;
      const rightItem = this.#heap[right];
      const child = rightItem !== undefined && isBefore(rightItem, leftItem) ? right : left;
      if (!this.#swapIfBefore(child, position)) return;
      position = child;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const lowerItem = this.#heap[lower];
    const upperItem = this.#heap[upper];
    if (lowerItem === undefined || upperItem === undefined || !isBefore(lowerItem, upperItem)) return false;
    this.#heap[lower] = upperItem;
    this.#heap[upper] = lowerItem;
    return true;
  }
}
