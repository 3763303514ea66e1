// What can go wrong with a task. The same objects are thrown to callers, given to steps as abort reasons, and stored in task rows.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const TASK_ERRORS = {
  'tasks.unknown_kind': { status: 400, about: 'A task of a kind that this version does not define was submitted.' },
  'tasks.bad_request': { status: 400, about: 'A task was submitted with a lock, priority, subject or time that is not allowed.' },
  'tasks.bad_args': { status: 400, about: 'The arguments of a task do not match its schema, at submit or when it is loaded to run.' },
  'tasks.too_large': { status: 413, about: 'Arguments, a step result or a wake payload are larger than 64 KiB as JSON.' },
  'tasks.queue_full': { status: 503, about: 'Too many unfinished tasks; new ones are refused until some are done.', retryable: true },
  'tasks.key_reused': { status: 409, about: 'An idempotency key was used again for a task of another kind or subject.' },
  'tasks.not_found': { status: 404, about: 'No task has this id.' },
  'tasks.cancelled': { status: 409, about: 'A person or another task cancelled the task.' },
  'tasks.stopping': { status: 503, about: 'The appliance stops; the step is taken up again at the next start.', retryable: true },
  'tasks.lease_lost': { status: 409, about: 'The task now belongs to another appliance, or its lease could not be renewed in time.' },
  'tasks.step_timeout': { status: 504, about: 'A step took longer than it may.', retryable: true },
  'tasks.step_stuck': { status: 504, about: 'A step was told to stop and did not; it is not tried again because it may still be at work.' },
  'tasks.step_keeps_dying': { status: 500, about: 'The process ended in the middle of this step again and again.' },
  'tasks.redo_refused': {
    status: 409,
    about: 'A destructive step was cut off, and a look at the real world says that it may not simply be done again.',
  },
  'tasks.bad_result': { status: 500, about: 'A step wanted the result of an earlier step that is missing or has another form.' },
  'tasks.definition_changed': { status: 409, about: 'An unfinished task was made by a version whose steps are not those of this version.' },
  'tasks.context_closed': { status: 409, about: 'A step used its context after it had ended.' },
  'tasks.bug': { status: 500, about: 'A step failed with an error that nobody foresaw: a mistake in the program.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(TASK_ERRORS);
