// [pipeline]: what follows an installation, for all machines; which pipeline a machine gets is said by its [[profile]].

import { Type } from 'typebox';
import { closed, NAME, secret, text, whole } from '../fields.ts';

export const PipelineSecret = Type.Object(
  {
    name: text({ description: 'How steps ask for it.', ...NAME, examples: ['pbs'] }),
    value: secret({ description: 'The secret, by reference.', examples: [{ file: '/etc/rackseed/pbs-password' }] }),
  },
  { ...closed, description: 'A secret that steps of pipelines may ask for by its name: the password of a storage, a subscription key.' },
);

export const PipelineSection = Type.Object(
  {
    drift_hours: whole({
      description: 'How often machines whose pipeline is done are looked at for what has drifted since, in hours. 0: never.',
      minimum: 0,
      maximum: 8760,
      default: 24,
      examples: [24],
    }),
    keep_runs: whole({
      description: 'How many runs that have ended are kept of each machine.',
      minimum: 1,
      maximum: 1000,
      default: 20,
      examples: [20],
    }),
    secret: Type.Array(PipelineSecret, { description: 'Secrets of steps.', maxItems: 64, default: [] }),
  },
  { ...closed, description: 'What follows an installation: the steps of pipelines.' },
);
