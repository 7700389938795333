import type { FormatError } from "../../core/errors.js";
import { refusal } from "../refusal.js";

/** Longer than any real name; a pickle can repeat a name in three bytes. */
const MAX_NAME = 256;

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * The standard library of Python 2.7 and 3, without modules whose classes are only values (`typing`, `decimal`, `uuid`, …). It can do
 * anything and is always installed, so its names are accepted individually, in the table of known names.
 */
const standardLibrary = words(`
  BaseHTTPServer Bastion CGIHTTPServer ConfigParser Cookie DocXMLRPCServer HTMLParser MimeWriter Queue SimpleHTTPServer SimpleXMLRPCServer
  SocketServer StringIO Tix Tkinter UserDict UserList UserString cPickle cProfile cStringIO
  abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect builtins bz2 calendar cgi
  cgitb chunk cmath cmd code codecs codeop collections colorsys commands compileall concurrent configparser contextlib contextvars cookielib
  copy copyreg copy_reg cpickle cprofile crypt cstringio csv ctypes curses dbm difflib dircache dis distutils dl doctest email encodings
  ensurepip errno exceptions faulthandler fcntl filecmp fileinput fnmatch formatter ftplib functools future_builtins gc gdbm genericpath
  getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac hotshot html htmlentitydefs htmlparser http httplib idlelib ihooks imaplib
  imghdr imp importlib inspect io itertools json keyword lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap
  modulefinder msilib msvcrt multifile multiprocessing mutex netrc new nis nntplib nt ntpath nturl2path opcode operator optparse os os2emxpath
  ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil platform plistlib popen2 poplib posix posixfile posixpath pprint profile
  pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rexec rlcompleter robotparser
  runpy sched secrets select selectors sets sgmllib shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3
  sre_compile sre_constants sre_parse ssl stat statistics string stringio stringprep struct subprocess sunau symtable sys sysconfig syslog
  tabnanny tarfile telnetlib tempfile termios textwrap this thread threading time timeit tkinter token tokenize tomllib trace traceback
  tracemalloc tty turtle turtledemo types unicodedata unittest urllib urllib2 urlparse userdict userlist userstring uu venv warnings wave
  weakref webbrowser whichdb winreg winsound wsgiref xdrlib xml xmlrpc xmlrpclib zipapp zipfile zipimport zlib`);

/** Other packages that are there to run commands, speak to the network or load code, and those that have the standard library's modules as theirs. */
const launchers = words(`
  IPython aiohttp cffi distutils fabric future httpx invoke ipykernel joblib numba paramiko past pexpect pip pkg_resources plumbum psutil
  ptyprocess requests setuptools sh six torchelastic urllib3`);

/**
 * What leads out of a package if it is an attribute, such as `os` in `numpy.os.system`, also behind underscores. As a module of a package's own,
 * `project.sys`, it may have classes.
 */
const deniedParts = words(`
  builtins cPickle cloudpickle compile ctypes dill eval exec execfile getattr import importlib marshal multiprocessing nt os pdb pickle pip
  pkgutil popen posix posixsubprocess pty runpy setattr shell shutil socket spawn subprocess sys system webbrowser`);

/** Classes of the modules above, which a package's module of the same name may have taken over. */
const deniedClasses = words("CDLL Pdb Pickler Pool Popen Process PyDLL Unpickler");

/** NumPy's functions that read, write or run something, by a word in their names. */
const numpyActs =
  /load|save|file|open|dump|txt|mmap|memmap|eval|exec|import|compile|pyfunc|vectorize|apply|source|regex|test|_ctor|reconstruct/i;

/** Modules in which PyTorch and NumPy compile, import, load or download. */
const deniedPlaces =
  /^(?:torch\.(?:jit|package|fx|hub|serialization|storage|_dynamo|_inductor|_export|export|library|ops|classes|utils\.(?:cpp_extension|collect_env|bottleneck|model_zoo|_config_module)|distributed\.(?:rpc|elastic|launcher))|numpy\.(?:testing|distutils|f2py|ctypeslib|compat|lib\.npyio|lib\._datasource|DataSource))(?:\.|$)/;

/** Functions that networks are made of, which hyperparameters mention. */
const functionPlaces =
  /^torch\.(?:(?:nn\.functional|nn\.init|_C\._nn)\.|(?:abs|clamp|cos|erf|exp|gelu|log|max|mean|min|relu|selu|sigmoid|sin|softmax|sqrt|sum|tanh)$)/;

const identifier = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const className = /^_?\p{Lu}[\p{L}\p{N}_]*$/u;
/** How Cython extension modules rebuild an object. */
const cythonClass = /^__pyx_unpickle_\p{Lu}/u;
const special = /^__/;

/**
 * Judges a Python name that is not in the table of known ones: a harmless class or function, or undefined to refuse it. Only the name
 * matters, because nothing is ever imported:
 *
 * - Names of the standard library and of packages that launch programs, and attributes such as `os`, `subprocess` or `__globals__` are refused.
 *   Of a package's own module of such a name (`ops.sys`) classes alone are accepted.
 * - Of PyTorch and NumPy classes are accepted, and functions of numbers may be mentioned; nothing where they compile or load programs.
 * - Of all else, classes (`omegaconf.dictconfig.DictConfig`) may be called and functions (`project.data.collate`) mentioned.
 */
export function judgeName(module: string, name: string): "class" | "function" | undefined {
  if (module.length + name.length >= MAX_NAME) return undefined;
  const [moduleParts, nameParts] = [module.split("."), name.split(".")];
  const parts = [...moduleParts, ...nameParts];
  if (!parts.every((part) => identifier.test(part))) return undefined;
  const root = moduleParts[0]!;
  const isMain = root === "__main__" || root === "__mp_main__";
  if (!isMain && (root.startsWith("_") || standardLibrary.has(root) || launchers.has(root))) return undefined;
  if (nameParts.some(isDenied)) return undefined;
  const isCython = cythonClass.test(name);
  if (parts.slice(isMain ? 1 : 0).some((part) => special.test(part)) && !isCython) return undefined;
  const whole = `${module}.${name}`;
  const isClass = isCython || nameParts.every((part) => className.test(part));
  if (moduleParts.some(isDenied) && (!isClass || nameParts.some((part) => deniedClasses.has(part)))) return undefined;
  if (root === "torch" || root === "numpy") {
    if (deniedPlaces.test(whole)) return undefined;
    const isHarmless = root === "torch" ? functionPlaces.test(whole) : nameParts.length === 1 && !numpyActs.test(name);
    if (!isClass) return isHarmless ? "function" : undefined;
  }
  return isClass ? "class" : "function";
}

/** The same for an attribute of something harmless: a class inside a class, a member of an enumeration, a method. */
export function judgeAttribute(owner: string, name: string): "class" | "function" | undefined {
  if (owner.length + name.length >= MAX_NAME || !identifier.test(name) || special.test(name) || isDenied(name))
    return undefined;
  return className.test(name) ? "class" : "function";
}

const isDenied = (part: string) => deniedParts.has(part.replace(/^_+|_+$/g, ""));

/** The error for a name that is not accepted. */
export function unlisted(verb: "asks for" | "calls", name: string): FormatError {
  return refusal(
    "torch checkpoint",
    `its pickle ${verb} ${name}, which is not on the list of harmless names; save a plain state_dict instead`,
  );
}
