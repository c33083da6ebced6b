/** The queries that the docs give for saved views of the Temporal Web UI (docs/operate.md; a test holds them together). */
export const SAVED_VIEWS = {
  'All chains': `WorkflowType = 'labelingChain'`,
  'Waiting for a person': `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running' AND LabelingAttention != ''`,
  'Live jobs': `WorkflowType = 'labelingJob' AND ExecutionStatus = 'Running'`,
  'Jobs of one chain': `LabelingChain = 'birds' AND WorkflowType = 'labelingJob'`,
  'Deadline before a day': `WorkflowType = 'labelingJob' AND ExecutionStatus = 'Running' AND LabelingDeadline < '2026-12-31T00:00:00Z'`,
  'Almost done': `WorkflowType = 'labelingChain' AND ExecutionStatus = 'Running' AND LabelingRemaining < 100`,
} as const;
