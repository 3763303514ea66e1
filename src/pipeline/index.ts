// The door to what follows an installation: pipelines of steps, each of which looks before it changes anything. Knows no routes.

export type {
  MemberAddress,
  Pipeline,
  PipelineEntry,
  PipelineStep,
  ProvenOn,
  StepContext,
  StepLook,
  Verdict,
} from './seam.ts';
