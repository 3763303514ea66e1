// What is refused around clusters that ran before us, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const CLUSTER_ERRORS = {
  'clusters.not_found': { status: 404, about: 'No cluster has that name.' },
  'clusters.no_member': { status: 404, about: 'The node is no member of that cluster.' },
  'clusters.bad_name': { status: 400, about: 'A cluster has a name of letters, digits, dots and dashes, 63 characters at most.' },
  'clusters.name_needed': { status: 400, about: 'What is imported has no name of its own: a node without a cluster, or a CSV file.' },
  'clusters.bad_csv': { status: 400, about: 'The CSV text has bad rows; each is named with its line and column. Nothing was imported.' },
  'clusters.preview_changed': {
    status: 409,
    about: 'The yes was to another preview than what would be done now: the cluster or our nodes changed meanwhile.',
  },
  'clusters.conflicts': {
    status: 409,
    about: 'Members cannot be told from other machines, or their nodes are in use. Nothing was imported.',
  },
  'clusters.nothing': { status: 409, about: 'There is no member that could be imported.' },
  'clusters.other_origin': { status: 409, about: 'A cluster of that name is known already, and is another one.' },
  'clusters.too_many': { status: 409, about: 'The cluster has more members, or there are more clusters, than are taken.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(CLUSTER_ERRORS);
