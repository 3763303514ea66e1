// Which disks a system goes to, how the installer is told of them, and the proof that it will find no others. Only what other parts ask for.

export {
  type Candidate,
  type ChoiceAsk,
  chooseSystemDisks,
  DEFAULT_SYSTEM_DISKS,
  type DiskChoice,
  type DiskVerdict,
  systemDisksOf,
  withinPlan,
} from './choose-decide.ts';
export { type LastAsk, ofLastSystem } from './last-decide.ts';
export {
  type BootMode,
  bootModeOf,
  type DiskIdentity,
  isNamed,
  isPrintedOn,
  type MachineDisk,
  machineDisks,
  namelessWhy,
  type Report as MachineReport,
  sizeText,
} from './machine-decide.ts';
export { type ProofAsk, proveSelection, type SelectionFault } from './prove-decide.ts';
export { type RenameAsk, renamedElsewhere } from './renamed-decide.ts';
export { makeStamps, serialSelection, tableIds, udevOf } from './stamps.ts';
