// The door to what follows an installation: pipelines of steps, each of which looks before it changes anything. Knows no routes.

export { createRunBook, type PipelineRun, RUN_STATES, type RunBook, type RunState } from './book.ts';
export { type CheckParts, checkNode, type Looked } from './checks.ts';
export { type RunStep, type RunStepState, STEP_STATES } from './cursor-decide.ts';
export { createPipelineDesk, type PipelineDeskParts } from './desk.ts';
export {
  type AnsibleInventory,
  ansibleInventory,
  type HostEntry,
  hostEntries,
  hostsFile,
  prometheusTargets,
  type TargetGroup,
} from './discovery-render.ts';
export { type Drift, driftOf } from './drift-decide.ts';
export { PIPELINE_ERRORS } from './errors.ts';
export type { FileFault } from './file-decide.ts';
export { createPipelineFiles, type PipelineFile, type PipelineFiles } from './files.ts';
export type { Hands } from './hands.ts';
export { createKeeper, type Keeper, type KeeperParts } from './keeper.ts';
export { type LookParts, lookOf, markJoined, markMoved, pipelineOf } from './look.ts';
export { type OpenParts, openHands, type Place, type PveOrder } from './open.ts';
export { createPipelines, type Pipelines, type PipelinesParts, type PipelineView, type RunView, type Serving } from './pipelines.ts';
export { planOf } from './plan.ts';
export type { Planned } from './plan-decide.ts';
export { createPost, type Post, type PostFetch, type PostRequest } from './post.ts';
export { createRegistry } from './registry.ts';
export { createRoster, type Registered, type Roster, type RosterFilter, type RosterParts } from './roster.ts';
export { type Drive, type Driven, driveRun, type RunnerParts } from './runner.ts';
export { createScripts, type FoundScript, type ScriptOrder, type Scripts, type ScriptsParts } from './scripts.ts';
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
export { STEPS } from './steps/index.ts';
