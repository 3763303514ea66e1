// What to send to which machine when it boots from the network.

export { type Attempts, createAttempts } from './attempts.ts';
export { type Boot, type BootLoop, type BootOptions, type BootQuestion, createBoot, type MachineBoot, type Site } from './boot.ts';
export { decideProgram, type KnownMachine, type Program, type Situation } from './decide.ts';
export { type ClientFacts, decideOffer, type Offer } from './decide-offer.ts';
export { createEnrolment, type Enrolment, type EnrolmentState } from './enrolment.ts';
export { BOOT_ERRORS } from './errors.ts';
export { addOwnFile, type FileStoreOptions, installFiles, type NewFile, removeOwnFile, sha256OfPath } from './file-store.ts';
export { type BootFile, type BootFiles, loadBootFiles, loadOwnFiles, NO_BOOT_FILES, OWN_FILES } from './files.ts';
export { createGrub, type Grub } from './grub.ts';
export { compileGrub, GRUB_NAMES, type GrubName, type GrubScripts } from './grub-render.ts';
export { type BootHttp, type BootHttpOptions, createBootHttp, type TextAnswer, type TextRequest } from './http.ts';
export { urlHost } from './http-address.ts';
export { decideInstall, type InstallProgress, type InstallVerdict } from './install-decide.ts';
export { createInstallBook, type InstallBook } from './install-progress.ts';
export { BOOT_HOLD, DEPLOYMENT } from './known-machine.ts';
export { type LiveBootFiles, openBootFiles } from './live-files.ts';
export { checkLoader, inspectLoader, LOADER_BYTES_MAX, LOADER_NAMES, type LoaderFacts, type LoaderKind } from './loader-decide.ts';
export { localAddressFor } from './local-address.ts';
export { INSTALLED_LOADERS } from './own-disk-decide.ts';
export { type AgentBoot, compileScripts, type DiskWay, type Message, SCRIPT_NAMES, type ScriptName, type Scripts } from './script.ts';
export { type SecureBootAsk, type SecureBootVerdict, type Signer, secureBootVerdict } from './secure-boot-decide.ts';
export { createTftpFiles, type FindBootFile, type OpenBootFile } from './tftp-files.ts';
