/**
 * Which of the tasks that wait is next: 1 before 5, and 3 without a word. Money first: a job is created or stopped before
 * anything else. Source: Temporal, task queue priority; a server that does not know it goes by age.
 */
export const PRIORITY = { money: 1, news: 2, reconcile: 4 } as const;
