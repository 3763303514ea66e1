// What goes wrong around pipelines, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const PIPELINE_ERRORS = {
  'pipeline.unknown': { status: 404, about: 'There is no pipeline, run or step of that name.' },
  'pipeline.bad_file': { status: 422, about: 'The file of a pipeline cannot be read, or says what no step takes.' },
  'pipeline.under_way': { status: 409, about: 'Something runs for the node already, or what was asked for needs a run that has stopped.' },
  'pipeline.over': { status: 409, about: 'The run has ended for good, or goes on elsewhere: nothing more is written to it.' },
  'pipeline.impossible': { status: 409, about: 'A step looked and cannot be done from here; the hint says what resolves it.' },
  'pipeline.not_reached': { status: 502, about: 'A step was carried out, and what it is for is still not so.', retryable: true },
  'pipeline.timeout': { status: 504, about: 'A step took longer than it may. It is looked at again before it is begun anew.' },
  'pipeline.step_failed': { status: 502, about: 'A step ended with an error; the message is its own.' },
  'pipeline.no_member': { status: 502, about: 'No member of the cluster could be signed in to.', retryable: true },
  'pipeline.no_way': { status: 409, about: 'It is not known where the machine is, or by which host keys it is known.' },
  'pipeline.aborted': { status: 409, about: 'The run was ended by request, between two steps.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(PIPELINE_ERRORS);
