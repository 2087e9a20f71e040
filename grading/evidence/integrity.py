"""Look for source that reaches around a test instead of solving the task. Private evidence for a person, never points.

The look is static (syntax tree, comments, strings) and shallow on purpose: isolation does not rest on it. It names
what ordinary machine-learning code does not do, so that a flag is worth opening the file for.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from grading.model import Flag, Submission
from grading.submission.text import invisible_characters

_MAX_FLAGS = 50
_MAX_PARSED_BYTES = 512 * 1024

_Signs = dict[str, tuple[str, str]]


def _signs(*groups: tuple[str, str, str]) -> _Signs:
    """Return name → kind and message, from kind, message and names."""
    return {name: (kind, message) for kind, message, names in groups for name in names.split()}


_IMPORTS = _signs(
    ("ctypes", "calls C code, which can change any object", "ctypes cffi"),
    ("network", "reaches for the network", "socket ssl urllib http requests httpx ftplib smtplib"),
    ("process", "starts other programs", "subprocess pty"),
    ("imports", "imports by hand", "importlib imp runpy"),
    ("patching", "can replace built-in functions", "builtins"),
    ("exit", "runs code when Python ends", "atexit"),
    ("frames", "looks at running threads", "faulthandler"),
    ("test_runner", "reaches into pytest", "_pytest"),
)
_HARMLESS_IMPORTS = ("urllib.parse", "http.HTTPStatus", "importlib.metadata", "importlib.resources")
_ATTRIBUTES = _signs(
    ("frames", "looks at its callers", "sys._getframe inspect.stack inspect.currentframe inspect.getouterframes"),
    ("frames", "looks at its callers", "inspect.trace traceback.extract_stack traceback.walk_stack"),
    ("frames", "watches the program that runs it", "sys.settrace sys.setprofile threading.settrace sys.addaudithook"),
    ("frames", "looks at running threads", "sys._current_frames"),
    ("gc", "looks for objects that it was not given", "gc.get_objects gc.get_referrers gc.get_referents"),
    ("modules", "looks into or changes loaded modules", "sys.modules"),
    ("imports", "changes how modules are found", "sys.meta_path sys.path_hooks"),
    ("environment", "uses environment variables", "os.environ os.environb os.getenv os.putenv"),
    ("exit", "ends Python at once", "os._exit os.abort"),
    ("process", "starts or stops other programs", "os.system os.popen os.fork os.kill os.killpg os.getppid"),
    ("process", "shares memory with other processes", "multiprocessing.shared_memory"),
    ("test_runner", "ends or skips tests", "pytest.exit pytest.skip unittest.SkipTest"),
    ("patching", "replaces objects of other modules", "unittest.mock"),
)
_FRAME_NAMES = frozenset(
    {
        *("f_back", "f_locals", "f_globals", "f_builtins", "f_trace", "gi_frame", "cr_frame", "tb_frame"),
        *("__globals__", "__subclasses__", "__closure__", "__builtins__", "cell_contents"),
    }
)
_DYNAMIC = frozenset({"eval", "exec", "compile", "__import__"})
_GUARDED = frozenset(
    {
        *(
            "builtins",
            "datetime",
            "json",
            "math",
            "numpy",
            "os",
            "pandas",
            "pickle",
            "pytest",
            "random",
            "scipy",
            "sklearn",
        ),
        *("statistics", "sys", "time", "torch", "unittest", "_pytest"),
    }
)
_SETTINGS = ("torch.backends.", "pandas.options.", "numpy.random.", "torch.multiprocessing.")
"""Attributes that libraries offer for setting."""
_PATHS = re.compile(
    r"/proc/|/sys/|(?:^|/)\.git(?:/|$)|assignment\.toml|PYTEST_CURRENT_TEST|(?:^|/)hidden/(?:test|inside|oracle|conftest)"
)
_REVIEWER = re.compile(
    r"""
    \b(?:ignore|disregard|forget|override)\b.{0,30}\b(?:previous|prior|above|earlier|all|your)\b.{0,20}
        \b(?:instructions?|prompts?|guidelines?|rubrics?)\b
    | \b(?:award|give|grant|assign)\b.{0,25}\b(?:full|maximum|perfect)\s+(?:marks?|points?|credits?|grades?)\b
    | \b(?:must|should|please)\s+(?:award|grant)\b.{0,20}\b\d+
    | \b(?:note|message|instructions?|attention|dear|hello|hey)\b.{0,12}
        \b(?:ai|llm|gpt|language\s+model|automated|chatbot)s?\b.{0,15}\b(?:review|grad|evaluat|judg|assess)
    | \b(?:as|to|for)\s+(?:the|an?|any)\s+(?:ai|llm|automated)\s+(?:reviewer|grader|evaluator|judge|assessor)\b
    | <\|im_(?:start|end)\|> | </?(?:grader|submission|grading|verdict)\b[^>]{0,80}>
    | ^[^\w\n]{0,20}system\s*:\s.{0,200}\b(?:reviewer|grader|grading|submission)
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def find_flags(submission: Submission) -> tuple[Flag, ...]:
    """Return what in a submission's Python files a person should look at, by file and line, at most 50."""
    known = {flag.file for flag in submission.flags if flag.kind == "invisible_characters"}
    found: set[tuple[str, int, str, str]] = set()
    for name, data in submission.files.items():
        if not name.endswith(".py"):
            continue
        for kind, line, message in _look(data):
            found.add((name, line, kind, message))
        invisible = invisible_characters(data)
        if invisible is not None and name not in known:
            found.add((name, invisible[0], "invisible_characters", invisible[1]))
    ordered = sorted(found)
    flags = [Flag(kind, f"{name}:{line} {message}.", name, line) for name, line, kind, message in ordered[:_MAX_FLAGS]]
    if len(ordered) > _MAX_FLAGS:
        flags.append(Flag("more", f"There are {len(ordered) - _MAX_FLAGS} more."))
    return tuple(flags)


def _look(data: bytes) -> Iterator[tuple[str, int, str]]:
    """Yield kind, line and message for one file."""
    if len(data) > _MAX_PARSED_BYTES:
        yield "large_source", 1, f"is {len(data) // 1024} KiB of Python, too much to look through"
        return
    text = data.decode("utf-8", errors="replace")
    for line, comment in _comments(text):
        yield from _words(line, comment)
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # reported as a load fault; there is nothing more to see
    names = _imported_names(tree)
    main = _main_block(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import(node)
        elif isinstance(node, ast.Attribute | ast.Name):
            yield from _reach(node, names)
        elif isinstance(node, ast.Call):
            yield from _call(node, names)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            yield from _assignment(node, names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _words(line, node.value)
            if _PATHS.search(node.value):
                yield "path", line, f"names a place outside the task ({node.value.strip()[:60]!r})"
        elif isinstance(node, ast.ClassDef):
            yield from _class(node)
    for statement in tree.body:
        if statement is not main and not isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield from _exits(statement)


def _comments(text: str) -> Iterator[tuple[int, str]]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what came before the broken place was looked at


def _words(line: int, text: str) -> Iterator[tuple[str, int, str]]:
    match = _REVIEWER.search(text)
    if match is not None:
        line += text.count("\n", 0, match.start())
        said = " ".join(match.group().split())[:80]
        yield "reviewer_text", line, f"speaks to an automated reviewer ({said!r})"


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """Return name in this file → what it stands for, for all imports: np → numpy, environ → os.environ."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.split(".")[0]
                names[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    """Return the dotted name that an expression stands for, or "" if it does not start at an import."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return ""
    return ".".join([names[node.id], *reversed(parts)])


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, int, str]]:
    if isinstance(node, ast.ImportFrom):
        modules = [f"{node.module}.{alias.name}" for alias in node.names] if node.module and not node.level else []
    else:
        modules = [alias.name for alias in node.names]
    for module in modules:
        harmless = any(module == name or module.startswith(f"{name}.") for name in _HARMLESS_IMPORTS)
        kind, message = _IMPORTS.get(module.split(".")[0], ("", ""))
        if kind and not harmless:
            yield kind, node.lineno, f"imports {module}: {message}"
        elif module in _ATTRIBUTES:
            yield _ATTRIBUTES[module][0], node.lineno, f"imports {module}: {_ATTRIBUTES[module][1]}"


def _reach(node: ast.Attribute | ast.Name, names: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    full = _full_name(node, names)
    if full in _ATTRIBUTES:
        kind, message = _ATTRIBUTES[full]
        yield kind, node.lineno, f"uses {full}: {message}"
    elif full.startswith(("os.exec", "os.spawn", "os.posix_spawn")):
        yield "process", node.lineno, f"uses {full}: starts other programs"
    elif isinstance(node, ast.Attribute) and node.attr in _FRAME_NAMES:
        yield "frames", node.lineno, f"uses .{node.attr}: looks behind functions or frames"
    elif isinstance(node, ast.Name) and node.id == "__builtins__":
        yield "patching", node.lineno, "uses __builtins__: can replace built-in functions"


def _call(node: ast.Call, names: dict[str, str]) -> Iterator[tuple[str, int, str]]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in _DYNAMIC and function.id not in names:
        yield "dynamic_code", node.lineno, f"calls {function.id}: runs code that is not in the file"
    elif isinstance(function, ast.Name) and function.id in ("setattr", "delattr") and node.args:
        target = _full_name(node.args[0], names)
        if _is_patch(f"{target}.?") and target:
            yield "patching", node.lineno, f"calls {function.id} on {target}: replaces a library's function"


def _assignment(
    node: ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete, names: dict[str, str]
) -> Iterator[tuple[str, int, str]]:
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and not isinstance(part.ctx, ast.Load):
                full = _full_name(part, names)
                if _is_patch(full):
                    yield "patching", node.lineno, f"assigns to {full}: replaces a library's function"


def _is_patch(full: str) -> bool:
    return full.split(".")[0] in _GUARDED and "." in full and not full.startswith(_SETTINGS)


def _class(node: ast.ClassDef) -> Iterator[tuple[str, int, str]]:
    """Flag objects that claim to equal everything, or to be something else."""
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in (
            "__eq__",
            "__lt__",
            "__le__",
            "__instancecheck__",
        ):
            body = [part for part in statement.body if not isinstance(part, ast.Expr)]
            value = body[0].value if len(body) == 1 and isinstance(body[0], ast.Return) else None
            if isinstance(value, ast.Constant) and value.value is True:
                yield "always_equal", statement.lineno, f"defines {node.name}.{statement.name} that is always true"
        elif isinstance(statement, ast.FunctionDef) and statement.name == "__class__":
            yield "always_equal", statement.lineno, f"defines {node.name}.__class__: claims to be another class"


def _main_block(tree: ast.Module) -> ast.stmt | None:
    for statement in tree.body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            return statement
    return None


def _exits(statement: ast.stmt) -> Iterator[tuple[str, int, str]]:
    """Flag what ends Python while the file is imported."""
    for node in ast.walk(statement):
        name = ""
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            name = ast.unparse(node.exc).split("(")[0]
        if name in ("exit", "quit", "sys.exit", "SystemExit"):
            yield "exit", getattr(node, "lineno", 1), f"uses {name} at import: ends Python"
