package pth

import (
	"fmt"
	"slices"
	"strings"
)

// A Severity grades what a pickle names, or does.
type Severity uint8

// The severities. A pickle is safe to have about where nothing is above Unknown.
const (
	// Harmless is what checkpoints are made of: builders of tensors, plain containers and
	// numbers, classes of layers.
	Harmless Severity = iota
	// Unknown is a class or a function of which nothing is known. Here it stands for nothing;
	// Python imports its module.
	Unknown
	// Suspicious is what no program writes that saves a checkpoint.
	Suspicious
	// Dangerous is what reaches the system, or the interpreter.
	Dangerous
)

var severities = [...]string{"harmless", "unknown", "suspicious", "dangerous"}

// String returns the severity's name in lower case.
func (s Severity) String() string { return severities[s] }

// dangerousModules are those whose functions reach the system. Nothing here
// could call them; a checkpoint that names one is an attack and is refused whole.
var dangerousModules = set(`os posix nt sys subprocess _posixsubprocess commands popen2 runpy importlib imp
	zipimport pkgutil shutil socket _socket ssl multiprocessing concurrent signal ctypes _ctypes cffi pty pdb bdb
	code codeop cProfile profile timeit trace doctest webbrowser urllib urllib2 httplib http ftplib smtplib poplib
	imaplib telnetlib xmlrpc requests aiohttp httpx paramiko pip ensurepip venv distutils setuptools idlelib lib2to3
	pydoc marshal pickle _pickle cPickle cloudpickle dill joblib shelve operator _operator atexit winreg _winapi
	asyncio cgitb compileall fileinput linecache mailbox mailcap modulefinder nntplib _aix_support _osx_support _pyrepl
	py_compile rlcompleter socketserver sqlite3 tarfile tempfile tkinter turtle unittest wsgiref zipapp zipfile
	_imp _frozen_importlib _frozen_importlib_external nturl2path antigravity _testcapi _xxsubinterpreters _interpreters
	mmap fcntl syslog faulthandler fabric invoke sh plumbum pexpect psutil IPython ipykernel pytest _pytest nose`)

// dangerousPackages are those parts of harmless packages.
var dangerousPackages = []string{
	"logging.config.", "logging.handlers.", "numpy.ctypeslib.", "numpy.distutils.", "numpy.f2py.", "numpy.lib.npyio.",
	"numpy.lib._npyio_impl.", "numpy.testing.", "pandas.io.", "test.support.", "torch._dynamo.", "torch._inductor.",
	"torch.fx.", "torch.hub.", "torch.package.", "torch.utils._config_module.", "torch.utils.bottleneck.",
	"torch.utils.collect_env.", "torch.utils.cpp_extension.", "torch.utils.data.datapipes.",
}

// dangerousNames are single functions of modules that are otherwise harmless.
var dangerousNames = set(`builtins.eval builtins.exec builtins.execfile builtins.compile builtins.open
	builtins.file builtins.__import__ builtins.apply builtins.reload builtins.setattr builtins.delattr builtins.globals
	builtins.locals builtins.vars builtins.input builtins.raw_input builtins.breakpoint builtins.exit builtins.quit
	builtins.__build_class__ io.open _io.open io.FileIO _io.FileIO io.open_code _io.open_code codecs.open types.FunctionType types.CodeType
	new.function new.code copyreg.add_extension functools.reduce site.main logging.FileHandler logging.handlers
	uuid._get_command_stdout uuid._popen torch.load torch.save torch.from_file torch.compile torch.jit.load torch.serialization.load
	torch.serialization.save torch.jit._serialization.load torch.jit._script.script torch.jit.unsupported_tensor_ops.execWrapper
	torch._C.import_ir_module torch.ops.load_library torch.classes.load_library
	numpy.load numpy.save numpy.savez numpy.savetxt numpy.loadtxt numpy.genfromtxt numpy.fromfile numpy.memmap numpy.core.memmap.memmap
	pandas.read_pickle pandas.eval pandas.core.computation.eval.eval keras.models.load_model tensorflow.keras.models.load_model
	mmengine.Config.fromfile mmengine.config.Config.fromfile mmengine.config.config.Config.fromfile`)

// dangerousMethods are last parts of dotted names that write to the disk, read from it, or run
// text, whatever class they are of.
var dangerousMethods = set(`tofile fromfile dump write_text write_bytes unlink rmdir chmod touch symlink_to hardlink_to link_to open system popen
	exec eval execute runcode runcommand runsource exec_module load_module fetch_tip fetch_completions`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// harmlessModules are those of which a checkpoint may name everything that is not dangerous.
var harmlessModules = set(`torch._utils torch._tensor torch.nn torch.optim torch.distributed.checkpoint.metadata torch.torch_version
	collections datetime decimal fractions enum omegaconf`)

// harmlessNames are those that a checkpoint may name of modules that hold more.
var harmlessNames = set(`torch.Size torch.device torch.dtype torch.Tensor torch.Generator torch.strided torch.sparse_coo
	torch.memory_format torch.contiguous_format torch.preserve_format torch.channels_last torch.serialization._get_layout
	torch.per_tensor_affine torch.per_channel_affine torch.distributed.checkpoint.filesystem._StorageInfo
	torch.storage.UntypedStorage torch.storage.TypedStorage torch.storage._load_from_bytes torch._C._nn.gelu
	torch.jit._pickle.build_intlist torch.jit._pickle.restore_type_tag
	numpy.dtype numpy.ndarray numpy.core.multiarray.scalar numpy.core.multiarray._reconstruct numpy._core.multiarray.scalar
	numpy._core.multiarray._reconstruct numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer
	builtins.int builtins.float builtins.complex builtins.bool builtins.str builtins.bytes builtins.bytearray builtins.list builtins.tuple
	builtins.dict builtins.set builtins.frozenset builtins.slice builtins.range builtins.object
	_codecs.encode copyreg._reconstructor copyreg.__newobj__ types.SimpleNamespace uuid.UUID argparse.Namespace
	pathlib.Path pathlib.PosixPath pathlib.WindowsPath pathlib.PurePosixPath pathlib.PureWindowsPath pathlib._local.PosixPath
	mmengine.config.config.ConfigDict mmengine.logging.history_buffer.HistoryBuffer mmcv.utils.config.ConfigDict
	joblib.numpy_pickle.NumpyArrayWrapper joblib.numpy_pickle.NDArrayWrapper zoo.collections.OrderedDict`)

// hiddenParts are attributes by which a function or a class leads to its module, to all
// classes, or to code.
var hiddenParts = set(`__globals__ __builtins__ __subclasses__ __code__ __import__ __loader__ __spec__ __getattribute__ __mro__ __base__ __bases__
	func_globals gi_frame f_globals f_builtins`)

// Judge grades a global by its name, of which a part may be dotted. Why completes "the
// pickle …"; it is empty for what is harmless.
func Judge(module, name string) (severity Severity, why string) {
	canonical := canonicalModule(module)
	full := canonical + "." + name
	top, _, _ := strings.Cut(canonical, ".")
	switch {
	case harmlessNames[full]:
		return Harmless, ""
	case dangerousModules[top] || dangerousNames[full] || slices.ContainsFunc(dangerousPackages, func(p string) bool { return strings.HasPrefix(full, p) }):
		return Dangerous, fmt.Sprintf("names %q, which a checkpoint has no use for", clip(full))
	case reaches(name):
		return Dangerous, fmt.Sprintf("reaches through module %q to %q", clip(module), clip(name))
	}
	if _, dtype := dtypeGlobals[name]; dtype && canonical == "torch" {
		return Harmless, ""
	}
	if _, storage := storageClasses[name]; storage && canonical == "torch" {
		return Harmless, ""
	}
	for within := canonical; within != ""; {
		if harmlessModules[within] {
			return Harmless, ""
		}
		within = within[:max(0, strings.LastIndexByte(within, '.'))]
	}
	return Unknown, fmt.Sprintf("names %q, of which nothing is known", clip(full))
}

// renamed are modules of Python 2 that Python 3 looks up under another name for pickles of
// old protocols, as far as they lead to what is dangerous.
var renamed = map[string]string{
	"__builtin__": "builtins", "copy_reg": "copyreg", "cStringIO": "io", "StringIO": "io", "_winreg": "winreg", "SocketServer": "socketserver",
	"xmlrpclib": "xmlrpc", "DocXMLRPCServer": "xmlrpc", "SimpleXMLRPCServer": "xmlrpc", "BaseHTTPServer": "http", "SimpleHTTPServer": "http",
	"CGIHTTPServer": "http", "cookielib": "http", "Cookie": "http", "Tkinter": "tkinter", "tkFileDialog": "tkinter", "_multiprocessing": "multiprocessing",
}

func canonicalModule(module string) string {
	if now, ok := renamed[module]; ok {
		return now
	}
	return module
}

// reaches reports whether a dotted name, as nested classes have, leads through a
// dangerous module or a hidden attribute: torch.serialization knows os, and so "os.system" by that way.
func reaches(name string) bool {
	parts := strings.Split(name, ".")
	if len(parts) > 1 && dangerousMethods[parts[len(parts)-1]] {
		return true
	}
	for i, part := range parts {
		if hiddenParts[part] {
			return true
		}
		if i == len(parts)-1 {
			break
		}
		if dangerousModules[part] || dangerousNames[part+"."+parts[i+1]] {
			return true
		}
	}
	return false
}
