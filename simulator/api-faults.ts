/** The scripted faults of the API: which call fails and how. */
import { matchesGlob, type ApiRule } from './script.ts';

export class ApiFaults {
  readonly #rules: readonly { rule: ApiRule; calls: number }[];

  constructor(rules: readonly ApiRule[]) {
    this.#rules = rules.map((rule) => ({ rule, calls: 0 }));
  }

  /** Counts the call with every rule that matches it; the first rule whose turn it is decides. */
  next(operation: string, jobName: string): ApiRule | null {
    let chosen: ApiRule | null = null;
    for (const entry of this.#rules) {
      const { rule } = entry;
      if (rule.op !== operation || !matchesGlob(rule.job ?? '*', jobName)) continue;
      entry.calls++;
      const first = rule.nth ?? 1;
      const times = rule.times ?? (rule.nth === undefined ? Infinity : 1);
      if (entry.calls >= first && entry.calls < first + times) chosen ??= rule;
    }
    return chosen;
  }
}
