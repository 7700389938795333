import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { float32, type Tensor, tensor } from "../../src/core/tensor.js";
import { readCheckpoint } from "../../src/formats/checkpoint.js";
import { Placeholder, readTorch, type TorchObject } from "../../src/formats/torch/index.js";
import { archiveFile, bytes, global, int, legacyFile, rebuild, storageId, uint, unicode } from "./torch-files.js";

const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

/** A pickled dictionary of pickled values. */
const dict = (entries: Record<string, Uint8Array>) =>
  bytes("}(", ...Object.entries(entries).flatMap(([key, value]) => [unicode(key), value]), "u");

const weight = rebuild(storageId("0", 4), 0, [2, 2], [2, 1]);

/** Reads a checkpoint of one weight and a pickled value beside it, in both layouts. */
function beside(...value: (number | string | Uint8Array)[]) {
  const saved = dict({ model: dict({ w: weight }), side: bytes(...value) });
  const [zip, legacy] = [archiveFile(saved, { "data/0": four }), legacyFile(saved, { 0: four })].map((file) => {
    const { tensors, placeholders } = readCheckpoint(file, "x.pth");
    assert.deepEqual([...tensors], [["w", float32([2, 2], [1, 2, 3, 4])]]);
    return placeholders;
  });
  assert.deepEqual(zip, legacy);
  return zip;
}

/** That a value is refused beside the weights, in both layouts. */
function refused(message: RegExp, ...value: (number | string | Uint8Array)[]): void {
  const saved = dict({ model: dict({ w: weight }), side: bytes(...value) });
  for (const file of [archiveFile(saved, { "data/0": four }), legacyFile(saved, { 0: four })])
    assert.throws(() => readCheckpoint(file, "x.pth"), { name: "FormatError", message });
}

const files = ["zip-protocol2", "zip-protocol4", "legacy-protocol2", "legacy-protocol4"].map((name) => ({
  name,
  file: new Uint8Array(readFileSync(`test/fixtures/torch/side-data-${name}.pt`)),
}));

for (const { name, file } of files)
  test(`side data that Python wrote, ${name}: weights are read, objects are named`, () => {
    const { tensors, metadata, part, placeholders = [] } = readCheckpoint(file);
    assert.deepEqual([...tensors.keys()], ["w", "b"]);
    assert.deepEqual([part, metadata], ["state_dict", { epoch: "3" }]);
    // Python 3 writes the names of Python 2 up to protocol 2.
    const modern: Record<string, string> = {
      "__builtin__.xrange": "builtins.range",
      "__builtin__.slice": "builtins.slice",
      "__builtin__.Ellipsis": "builtins.Ellipsis",
      "__builtin__.long": "builtins.int",
      "exceptions.ValueError": "builtins.ValueError",
    };
    assert.deepEqual(
      placeholders.map(({ where, type }) => [where.replace("side.", ""), modern[type] ?? type]),
      [
        ["onecycle.anneal_func", "torch.optim.lr_scheduler.OneCycleLR._annealing_cos"],
        ["scheduler", "torch.optim.lr_scheduler.StepLR"],
        ["optimizer", "torch.optim.sgd.SGD"],
        ["module", "torch.nn.modules.container.Sequential"],
        ["loss", "torch.nn.modules.loss.CrossEntropyLoss"],
        ["layer", "torch.nn.modules.batchnorm.BatchNorm2d"],
        ["activation", "torch.nn.functional.relu"],
        ["collate", "__main__.collate"],
        ["numpy.1", "numpy.ndarray (u4)"],
        ["legacy", "numpy.random.RandomState"],
        ["generator", "numpy.random.Generator"],
        ["unsigned", "numpy.ndarray (u4)"],
        ["bigendian", "numpy.ndarray (>f4)"],
        ["objects", "numpy.ndarray (O8)"],
        ["names", "numpy.ndarray (U2)"],
        ["records", "numpy.ndarray (V4)"],
        ["masked", "numpy.ma.MaskedArray"],
        ["npdate", "numpy scalar (M8)"],
        ["npcomplex", "numpy scalar (c8)"],
        ["npdtype", "numpy.dtype"],
        ["quantized", "torch.Tensor (quantized)"],
        ["sparse", "torch.Tensor (sparse)"],
        ["complex", "torch.Tensor (complex64)"],
        ["delta", "datetime.timedelta"],
        ["decimal", "decimal.Decimal"],
        ["fraction", "fractions.Fraction"],
        ["uuid", "uuid.UUID"],
        ["address", "ipaddress.IPv4Address"],
        ["pattern", "re.Pattern"],
        ["logger", "logging.Logger"],
        ["floats", "array.array"],
        ["namespace.color", "__main__.Color.RED"],
        ["range", "builtins.range"],
        ["slice", "builtins.slice"],
        ["ellipsis", "builtins.Ellipsis"],
        ["type", "builtins.int"],
        ["error", "builtins.ValueError"],
        ["annotation", "typing.Union"],
        ["list", "types.GenericAlias"],
        ["mode", "__main__.Mode.B"],
        ["dataclass", "__main__.Config"],
        ["inner", "__main__.Outer.Inner"],
        ["loop", "__main__.Loop"],
        ["options", "__main__.Options"],
        ["point", "__main__.Point"],
      ],
    );
  });

for (const { name, file } of files)
  test(`side data that Python wrote, ${name}: plain values`, () => {
    const side = (readTorch(file) as Map<TorchObject, TorchObject>).get("side") as Map<TorchObject, TorchObject>;
    const values: [string, TorchObject][] = [
      ["array", tensor("float64", [3], Float64Array.of(0.485, 0.456, 0.406))],
      ["columns", float32([2, 3], [0, 1, 2, 3, 4, 5])],
      ["halves", tensor("float16", [3], Uint16Array.of(0, 0x3c00, 0x4000))],
      ["flags", tensor("bool", [2], Uint8Array.of(1, 0))],
      ["zero", tensor("float64", [], Float64Array.of(3.5))],
      ["nothing", tensor("float64", [0, 3], new Float64Array())],
      ["npstr", "é"],
      ["nptype", "numpy.float32"],
      ["version", "1.13"],
      ["layout", "torch.strided"],
      ["scheme", "torch.per_tensor_affine"],
      ["datetime", "2020-01-02T03:04:05.000006"],
      ["zoned", "2020-01-02T00:00:00"],
      ["date", "2021-02-03"],
      ["path", "/runs/a"],
      ["relative", "runs/a"],
      ["windows", "c:\\a\\b"],
      ["simple", new Map([["a", 1]])],
      ["deque", [1, 2]],
      [
        "counter",
        new Map([
          ["a", 2],
          ["b", 1],
        ]),
      ],
      ["number", "1-2j"],
      ["bytearray", bytes("abc")],
      ["nobytes", bytes()],
    ];
    for (const [key, value] of values) assert.deepEqual(side.get(key), value, key);
    assert.equal((side.get("torch") as Tensor).dtype, "uint8");
  });

/** Names that could execute, reach files or the network, import, compile or unpickle; more than attacks have used. */
const dangerous = `
  builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr builtins.__import__ builtins.apply
  builtins.breakpoint builtins.globals builtins.map __builtin__.eval __builtin__.execfile __builtin__.file __builtin__.getattr
  os.system os.popen os.execvp posix.system posix.fork nt.system nt.popen _posixsubprocess.fork_exec subprocess.Popen subprocess.run
  subprocess.check_output commands.getoutput popen2.Popen3 pty.spawn sys.exit sys.modules importlib.import_module importlib._bootstrap._call
  imp.load_source runpy.run_path runpy._run_code code.InteractiveInterpreter code.interact codeop.compile_command pdb.run pdb.Pdb bdb.Bdb
  bdb.Bdb.run cProfile.run profile.Profile trace.Trace timeit.Timer timeit.timeit doctest.debug_script pickle.loads pickle.Unpickler
  _pickle.loads cPickle.loads marshal.loads shelve.open dill.loads dill._dill._create_function cloudpickle.cloudpickle._make_function
  types.CodeType types.FunctionType types.MethodType new.function functools.partial functools.reduce _functools.partial operator.attrgetter
  operator.methodcaller operator.itemgetter _operator.attrgetter _operator.methodcaller itertools.starmap socket.socket _socket.socket
  socket.create_connection ssl.SSLContext http.client.HTTPConnection httplib.HTTPConnection urllib.request.urlopen urllib2.urlopen ftplib.FTP
  smtplib.SMTP telnetlib.Telnet xmlrpc.client.ServerProxy asyncio.run asyncio.create_subprocess_shell
  asyncio.unix_events._UnixSubprocessTransport multiprocessing.Process multiprocessing.pool.Pool multiprocessing.util.spawnv_passfds
  threading.Thread _thread.start_new_thread concurrent.futures.ProcessPoolExecutor signal.alarm ctypes.CDLL ctypes.cdll _ctypes.dlopen
  cffi.FFI webbrowser.open webbrowser.Chrome shutil.rmtree shutil.move tempfile.NamedTemporaryFile pathlib.Path.unlink pathlib.Path
  io.FileIO io.open _io.FileIO _io.open codecs.open fileinput.FileInput tarfile.TarFile zipfile.ZipFile gzip.GzipFile sqlite3.connect
  zipimport.zipimporter pkgutil.resolve_name pydoc.pipepager pydoc.locate site.main venv.create ensurepip._run_pip pip.main
  pip._internal.main distutils.spawn.spawn setuptools.sandbox.run_setup pkg_resources.run_script lib2to3.pgen2.pgen.generate_grammar
  idlelib.pyshell.ModifiedInterpreter logging.config.dictConfig logging.FileHandler logging.handlers.SocketHandler weakref.finalize
  atexit.register gc.get_objects inspect.getsource ast.literal_eval copyreg.__newobj__ copyreg.add_extension uuid._popen.Popen
  collections.__proto__ collections.namedtuple contextlib.ExitStack aiohttp.client.ClientSession requests.api.get requests.Session
  psutil.Popen sh.Command pexpect.spawn invoke.run fabric.Connection paramiko.SSHClient joblib.load joblib.externals.loky.backend.popen.Popen
  IPython.core.magics.Magics project.subprocess.Popen project.os.system project.sys.modules torch.os.system torch.sys.exit torch.load torch.hub.load torch.save
  torch.jit.CompilationUnit torch.jit.load torch.jit._script.RecursiveScriptModule torch.package.PackageImporter torch.fx.GraphModule
  torch.fx.graph_module.reduce_graph_module torch.ops.load_library torch.classes.load_library torch.storage._load_from_bytes
  torch.serialization.load torch._utils._rebuild_wrapper_subclass torch.utils.cpp_extension.load torch.utils.cpp_extension.BuildExtension
  torch.utils.collect_env.run torch.utils.bottleneck.__main__.run_cprofile torch.utils._config_module.ConfigModule.load_config
  torch._dynamo.guards.GuardBuilder.get torch._inductor.codecache.compile_file torch._inductor.codecache.PyCodeCache
  torch.multiprocessing.spawn torch.multiprocessing.Process torch.distributed.rpc.PyRRef torch.utils.data.datapipes.utils.decoder.basichandlers
  torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression numpy.load numpy.fromfile numpy.memmap numpy.lib.npyio.NpzFile
  numpy.DataSource numpy.f2py.compile numpy.testing._private.utils.runstring numpy.distutils.exec_command.exec_command
  numpy.ctypeslib.load_library numpy.core.multiarray.__import__ numpy.os.system __main__.__import__ __main__.os.system __torch__.Model.Module
  project.__loader__ project.Config.__init__ project.Config.__reduce__ project.eval project.utils.exec
  project.multiprocessing.pool.Pool project.ctypes.CDLL six.moves.builtins.open six.moves.urllib.request.urlopen numpy.save numpy.vectorize
  numpy.frompyfunc numpy.core._ufunc_reconstruct torch.compile StringIO.StringIO ConfigParser.ConfigParser project._os.system`
  .trim()
  .split(/\s+/);

test("names that could execute are refused by name, however they are asked for", () => {
  assert.ok(dangerous.length > 200, `${dangerous.length}`);
  for (const whole of dangerous) {
    const dot = whole.lastIndexOf(".");
    const [module, name] = [whole.slice(0, dot), whole.slice(dot + 1)];
    const message = new RegExp(`asks for ${whole.replaceAll(".", "\\.")}, which is not on the list`);
    refused(message, global(module, name), unicode("echo"), 0x85, "R");
    refused(message, global(module, name));
    refused(message, unicode(module), unicode(name), 0x93, unicode("echo"), 0x85, 0x81);
    refused(message, "(i", module, "\n", name, "\n");
    refused(message, "(", global(module, name), unicode("echo"), "o");
    refused(message, global(module, name), ")}", 0x92);
    // Not even where its value would be dropped.
    if (!/getattr$/.test(whole)) refused(message, global("project", "Config"), ")R", global(module, name), "b");
  }
});

test("names that only resemble those of the standard library are a package's own", () => {
  const classes = [
    ["project.models", "NT"],
    ["project.NT", "Net"],
    ["OS", "Config"],
    ["ops.sys", "Config"],
    ["mmcv.utils.os_helper", "Helper"],
    ["project.shell", "Shell"],
    ["project.system", "System"],
    ["project.subprocess", "Settings"],
    ["project.pip", "PIP"],
    ["pipeline.spawn.exec", "Exec"],
    ["__main__", "Sys"],
  ] as const;
  for (const [module, name] of classes) {
    const named = [{ where: "side", type: `${module}.${name}` }];
    assert.deepEqual(beside(global(module, name), ")R}", unicode("a"), "Nsb"), named);
    assert.deepEqual(beside(global(module, name)), named);
  }
});

test("NumPy's and PyTorch's functions of numbers may be mentioned, not called", () => {
  for (const [module, name] of [
    ["numpy", "mean"],
    ["numpy", "sqrt"],
    ["numpy.linalg", "norm"],
    ["numpy.core.fromnumeric", "amax"],
    ["numpy._core._multiarray_umath", "add"],
    ["numpy.random", "uniform"],
    ["torch", "tanh"],
    ["torch.nn.functional", "gelu"],
  ] as const) {
    assert.deepEqual(beside(global(module, name)), [{ where: "side", type: `${module}.${name}` }]);
    refused(new RegExp(`calls ${module}.${name}`), global(module, name), ")R");
  }
});

test("a dotted name is judged by all of its parts", () => {
  const ask = (module: string, name: string) => [unicode(module), unicode(name), 0x93] as const;
  for (const [module, name] of [
    ["project", "Config.os.system"],
    ["project", "Config.__subclasses__"],
    ["torch.nn", "functional.os.system"],
    ["torch", "nn.Linear"],
    ["collections", "OrderedDict.update"],
    ["", "constructor"],
    ["project", ""],
    ["project.", "Config"],
    ["project", "Config()"],
    ["project", "a b"],
    ["project", "C".repeat(300)],
  ] as const)
    refused(/which is not on the list|…$/, ...ask(module, name));
});

test("classes of somebody else may be made, and swallow what is said of them", () => {
  const named = (type: string) => [{ where: "side", type }];
  for (const [module, name] of [
    ["omegaconf.dictconfig", "DictConfig"],
    ["easydict", "EasyDict"],
    ["__main__", "Config"],
    ["models.yolo", "Model"],
    ["transformers.trainer_utils", "IntervalStrategy"],
    ["sklearn.preprocessing._label", "LabelEncoder"],
    ["pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"],
    ["torch.nn.modules.conv", "Conv2d"],
    ["torch.optim.adamw", "AdamW"],
    ["my.types.code", "Größe"],
  ] as const) {
    const whole = `${module}.${name}`;
    const [cls, stacked] = [global(module, name), [unicode(module), unicode(name), 0x93] as const];
    if (name !== "Größe") {
      assert.deepEqual(beside(cls), named(whole), "mentioned");
      assert.deepEqual(beside(cls, "(", ..."N".repeat(40), "tR"), named(whole), "called with many arguments");
      assert.deepEqual(beside(cls, ")", 0x81, "}b"), named(whole), "created and given a state");
    }
    assert.deepEqual(beside(...stacked, ")", 0x81), named(whole), "created");
    assert.deepEqual(beside(...stacked, ")}", unicode("a"), "Ns", 0x92), named(whole), "with named arguments");
    assert.deepEqual(beside(...stacked, ")R", "Na(NNe", "NNs(NNNNu", "(N", 0x90, "Nb"), named(whole), "filled");
    assert.deepEqual(beside("(", ...stacked, "No"), named(whole), "in the way of Python 2");
  }
  assert.deepEqual(beside("(iproject.old\nConfig\n"), named("project.old.Config"), "in the text of Python 2");
});

test("tensors that an object swallows are not needed", () => {
  const lost = rebuild(storageId("9", 4), 0, [4], [1]);
  const saved = dict({ model: dict({ w: weight }), side: bytes(global("project", "Net"), ")", 0x81, lost, "b") });
  assert.equal(readCheckpoint(archiveFile(saved, { "data/0": four })).tensors.size, 1);
});

test("functions of somebody else may be mentioned, not called", () => {
  const collate = global("project.data", "collate");
  assert.deepEqual(beside(collate), [{ where: "side", type: "project.data.collate" }]);
  refused(/calls project\.data\.collate, which is not on the list/, collate, ")R");
  refused(/calls torch\.nn\.functional\.relu, which/, global("torch.nn.functional", "relu"), ")R");
  // An object of a class with a small name: in Python this works on classes only.
  assert.deepEqual(beside(collate, ")", 0x81), [{ where: "side", type: "project.data.collate" }]);
});

test("attributes of a class are its members, its classes and its methods, which are not called", () => {
  const attribute = (name: string, owner = global("project", "Color")) =>
    bytes(global("builtins", "getattr"), owner, unicode(name), 0x86, "R");
  assert.deepEqual(beside(attribute("RED")), [{ where: "side", type: "project.Color.RED" }]);
  assert.deepEqual(beside(attribute("Inner"), ")", 0x81), [{ where: "side", type: "project.Color.Inner" }]);
  assert.deepEqual(beside(attribute("make")), [{ where: "side", type: "project.Color.make" }]);
  refused(/calls project\.Color\.make, which/, attribute("make"), ")R");
  for (const name of ["__class__", "__globals__", "system", "eval", "a.b", ""])
    refused(new RegExp(`asks for project\\.Color\\.${name.replace(".", "\\.")}, which`), attribute(name));
  for (const owner of [unicode("text"), bytes("N"), bytes("}"), bytes(global("collections", "OrderedDict")), weight])
    refused(/asks for builtins\.getattr, which/, attribute("RED", owner as never));
});

test("objects have where they stand in the file", () => {
  const config = bytes(global("project", "Config"), ")R");
  const types = beside("](", dict({ a: config, b: bytes("](", config, "e") }), config, config, "\x86", "e");
  assert.deepEqual(types, [
    { where: "side.0.a", type: "project.Config" },
    { where: "side.0.b.0", type: "project.Config" },
    { where: "side.1.0", type: "project.Config" },
    { where: "side.1.1", type: "project.Config" },
  ]);
  assert.equal(beside("(", ...Array<Uint8Array>(1500).fill(config), "t")?.length, 1000, "the first thousand");
  assert.deepEqual(beside("}", config, "Ns"), [{ where: "side", type: "project.Config" }], "as a key");
});

test("a pickle can ask for a thousand unknown names, again and again", () => {
  const ask = (count: number) => Array.from({ length: count }, (_, i) => bytes(global("project", `C${i}`), "0"));
  assert.deepEqual(beside(...ask(900), ...ask(900), "N"), []);
  refused(/more than 1000 names that are not known/, ...ask(1001), "N");
});

/** A tensor of an element type that has no class of storage, from bytes. */
const typed = (dtype: string, shape: number[], storage = storageId("1", 16, "UntypedStorage")) =>
  bytes(
    global("torch._utils", "_rebuild_tensor_v3"),
    "(",
    storage,
    int(0),
    "(",
    ...shape.map(int),
    "t(",
    ...shape.map(() => int(1)),
    "t",
    0x89,
    "}",
    global("torch", dtype),
    "tR",
  );
const untyped = (key: string, length: number) =>
  bytes(
    "(",
    unicode("storage"),
    global("torch.storage", "UntypedStorage"),
    unicode(key),
    unicode("cpu"),
    int(length),
    "tQ",
  );

/** The file of a state dict with one more pickled value under "x". */
const withX = (value: Uint8Array) => archiveFile(dict({ w: weight, x: value }), { "data/0": four, "data/1": four });

const wrapped: [why: string, value: Uint8Array][] = [
  [
    "a parameter with a state",
    bytes(global("torch._utils", "_rebuild_parameter_with_state"), "(", weight, 0x88, "N}tR"),
  ],
  ["a tensor with its dtype", typed("float32", [4], untyped("1", 16))],
  [
    "a subclass",
    bytes(
      global("torch._tensor", "_rebuild_from_type_v2"),
      "(",
      global("torch._utils", "_rebuild_tensor_v2"),
      global("torchvision.tv_tensors._image", "Image"),
      "(",
      storageId("0", 4),
      int(0),
      "(",
      int(4),
      "t(",
      int(1),
      "t",
      0x89,
      "}t}tR",
    ),
  ],
];
for (const [why, value] of wrapped)
  test(`a tensor in a wrapper: ${why}`, () => {
    const x = readCheckpoint(withX(value)).tensors.get("x");
    assert.deepEqual([...x!.data], [1, 2, 3, 4]);
  });

const unreadable: [type: string, value: Uint8Array][] = [
  ["torch.Tensor (float8_e4m3fn)", typed("float8_e4m3fn", [4], untyped("1", 16))],
  ["torch.Tensor (uint16)", typed("uint16", [4], untyped("1", 16))],
  ["torch.Tensor (complex64)", rebuild(storageId("1", 2, "ComplexFloatStorage"), 0, [2], [1])],
  ["torch.Tensor (quantized)", bytes(global("torch._utils", "_rebuild_qtensor"), ")R")],
  ["torch.Tensor (sparse)", bytes(global("torch._utils", "_rebuild_sparse_tensor"), ")R")],
  [
    "torch.Tensor (conjugated or negated)",
    bytes(
      global("torch._utils", "_rebuild_tensor_v2"),
      "(",
      storageId("0", 4),
      "K\x00K\x04\x85K\x01\x85\x89}}",
      unicode("neg"),
      0x88,
      "stR",
    ),
  ],
  ["torch.nn.modules.linear.Linear", bytes(global("torch.nn.modules.linear", "Linear"), ")", 0x81, "}b")],
  ["omegaconf.dictconfig.DictConfig", bytes(global("omegaconf.dictconfig", "DictConfig"), ")", 0x81)],
];
for (const [type, value] of unreadable)
  test(`among the weights refused by key and type, beside them named: ${type}`, () => {
    assert.throws(() => readCheckpoint(withX(value), "w.pth"), {
      name: "FormatError",
      message: `w.pth: among the weights, x is of type ${type}, which is not supported; save tensors only`,
    });
    const saved = dict({ model: dict({ w: weight }), side: value });
    const { placeholders } = readCheckpoint(archiveFile(saved, { "data/0": four, "data/1": four }));
    assert.deepEqual(placeholders, [{ where: "side", type }]);
  });

test("in the older layout, storages of types that are not read are passed over", () => {
  const complex = rebuild(storageId("1", 2, "ComplexFloatStorage"), 0, [2], [1]);
  const object = dict({ side: complex, model: dict({ w: weight }) });
  const file = legacyFile(object);
  // The list of storages and their contents: two complex numbers of 8 bytes, then four of 4.
  const rest = bytes(0x80, 2, "](", unicode("1"), unicode("0"), "e.", uint(8, 2), new Uint8Array(16), uint(8, 4), four);
  const empty = bytes(0x80, 2, "](e.").length;
  const whole = bytes(file.subarray(0, file.length - empty), rest);
  assert.deepEqual(readCheckpoint(whole).tensors.get("w"), float32([2, 2], [1, 2, 3, 4]));
});

test("a class of a module with its source, as the older layout has it", () => {
  const id = bytes("(", unicode("module"), global("models", "Net"), unicode("net.py"), unicode("import os"), "tQ");
  assert.deepEqual(beside(id, ")", 0x81, "}b"), [{ where: "side", type: "models.Net" }]);
});

test("state of random generators and histories do not outweigh a small network", () => {
  const numbers = new Uint8Array(4096);
  const saved = dict({
    net: dict({ w: weight }),
    rng: dict({ state: rebuild(storageId("2", 4096, "ByteStorage"), 0, [4096], [1]) }),
    history: dict({ loss: rebuild(storageId("3", 1024), 0, [1024], [1]) }),
  });
  const others = { "data/0": four, "data/2": numbers, "data/3": numbers };
  assert.equal(readCheckpoint(archiveFile(saved, others)).part, "net");
});

test("an average alone is taken though vectors stand beside it", () => {
  const mean = rebuild(storageId("0", 4), 0, [3], [1]);
  const saved = dict({ model_ema: dict({ w: weight }), mean, norm: dict({ mean }), pixels: array("f4", [1], "abcd") });
  assert.equal(readCheckpoint(archiveFile(saved, { "data/0": four })).part, "model_ema");
});

test("weights in a tuple or list", () => {
  const saved = bytes(dict({ w: weight }), dict({ e: int(1) }), 0x86);
  assert.equal(readCheckpoint(archiveFile(saved, { "data/0": four })).part, "0");
});

test("a whole model instead of its state dict", () => {
  const model = bytes(global("models.yolo", "Model"), ")", 0x81, dict({ w: weight }), "b");
  const read = (object: Uint8Array) => () => readCheckpoint(archiveFile(object, { "data/0": four }), "y.pt");
  const advice = "; save the state_dict of a model, not the model";
  assert.throws(read(model), {
    message: `y.pt: it has no weights that can be read: it is of type models.yolo.Model${advice}`,
  });
  assert.throws(read(dict({ ema: bytes("N"), model })), {
    message: `y.pt: it has no weights that can be read: model is of type models.yolo.Model${advice}`,
  });
});

const damaged: [why: string, message: RegExp, ...value: (number | string | Uint8Array)[]][] = [
  [
    "an array with too few bytes",
    /NumPy array \[3\] of f4 should have 12 bytes, has 4/,
    array("f4", [3], "\x01\x02\x03\x04"),
  ],
  ["an array without bytes", /has none/, array("f4", [3], undefined)],
  ["an array of a shape that overflows", /NumPy array/, array("f4", [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], "")],
  [
    "a tensor subclass of a function",
    /rebuilds no tensors/,
    bytes(global("torch._tensor", "_rebuild_from_type_v2"), "(", global("project", "f"), "N)}tR"),
  ],
  [
    "a tensor of a dtype nobody knows",
    /unknown dtype/,
    bytes(global("torch._utils", "_rebuild_tensor_v3"), "(", storageId("0", 4), "NNNNN", unicode("x"), "tR"),
  ],
  [
    "a tensor of a dtype that is none",
    /tensor without a dtype/,
    bytes(global("torch._utils", "_rebuild_tensor_v3"), ")R"),
  ],
  [
    "an operator on plain values",
    /asks for _operator\.getitem, which/,
    global("_operator", "getitem"),
    "}NtR".replace("}", "(}"),
  ],
  ["type with a class body", /calls builtins\.type/, global("builtins", "type"), "(", unicode("A"), ")}tR"],
  ["bytes of a length", /text expected/, global("builtins", "bytes"), int(2 ** 30), "\x85R"],
  ["a path of numbers", /text expected/, global("pathlib", "PosixPath"), "K\x01\x85R"],
];
for (const [why, message, ...value] of damaged) test(`refuses ${why}`, () => refused(message, ...value));

/** A pickled NumPy array. */
function array(dtype: string, shape: number[], raw: string | undefined): Uint8Array {
  return bytes(
    global("numpy.core.multiarray", "_reconstruct"),
    global("numpy", "ndarray"),
    "K\x00\x85C\x01b\x87R(K\x01(",
    ...shape.map(int),
    "t",
    global("numpy", "dtype"),
    unicode(dtype),
    "\x85R",
    0x89,
    raw === undefined ? "N" : bytes("C", raw.length, raw),
    "tb",
  );
}

test("a long path again and again is limited", () => {
  const copies = bytes(...Array<string>(1000).fill("0h\x02h\x01\x85R"));
  refused(
    /joining a path takes/,
    bytes("X", uint(4, 1_000_000), "a".repeat(1_000_000), "q\x01", global("pathlib", "PosixPath"), "q\x02"),
    copies,
  );
});

test("a placeholder carries nothing but its type", () => {
  const value = readTorch(
    archiveFile(bytes(global("project", "Config"), ")R", dict({ a: weight }), "b"), { "data/0": four }),
  );
  assert.ok(value instanceof Placeholder);
  assert.deepEqual({ ...value }, { name: "project.Config" });
});
