"""Reads the source tree and fails where it leaves the rules of docs/style.md. Nothing is compiled.

Each rule says what to do instead. A line may be excused with a comment `tidy: <why>`.
"""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = ("core", "storage", "http", "providers", "dispatcher", "api", "cli")

# What each module may include, by the arrows of docs/design.md.
MAY_INCLUDE = {
    "core": {"core"},
    "storage": {"core", "storage"},
    "http": {"core", "http"},
    "providers": {"core", "storage", "http", "providers"},
    "dispatcher": {"core", "storage", "http", "providers", "dispatcher"},
    "api": {"core", "storage", "http", "providers", "dispatcher", "api"},
    "cli": set(MODULES),
}

# pattern, modules where it is allowed, what to use instead
BANNED = [
    (r"std::chrono::\w+_clock::now", {"core"}, "core::Clock"),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w.:>])sleep\s*\(", {"core"}, "core::Clock"),
    (r"\b(std::)?s?rand\s*\(\)|std::random_device|std::mt19937", {"core"}, "core::Random"),
    (r"\bgetenv\s*\(", {"cli"}, "a setting passed in by cli/"),
    (r"\b(std::)?f?printf\s*\(|std::cout\b|std::cerr\b|std::puts\b", {"cli"}, "core::log"),
    (r"\b(gettimeofday|clock_gettime)\s*\(|(?<![\w.:>])time\s*\(\s*(nullptr|NULL|0)\s*\)", {"core"}, "core::Clock"),
    (r"\bsystem\s*\(\s*\"|\bpopen\s*\(", set(), "nothing: we start no shell"),
    (r"std::promise<[^;]*>\s+\w*[a-z0-9]\s*;", set(), "core::wait_called: it may end inside set_value"),
    (r"\breinterpret_cast<\s*char\s*\*\s*>\s*\(\s*const_cast", set(), "a const interface"),
]

# Where answers of other servers become text: they are masked before they are made printable and cut.
READS_ANSWERS = ("providers/token_", "providers/discovery.cpp", "providers/revoker.cpp", "dispatcher/verdict.cpp",
                 "dispatcher/courier.cpp", "dispatcher/session.cpp", "dispatcher/single_use_token.cpp",
                 "dispatcher/credential_request.cpp")

LEFTOVER = re.compile(r"\b(FIXME|TODO|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SECRET_MEMBER = re.compile(
    r"\bstd::(optional<\s*std::)?string\b>?\s+\w*(client_secret|refresh_token|access_token|password|private_key|"
    r"signing_secret|signing_key|passphrase)_?\s*(;|=|\{)")
FUNCTION_HEAD = re.compile(r"\)\s*(const|noexcept|override|final|mutable|->[^;{}]*|:[^;{}]*|\s)*$")
IMPLEMENTATION = re.compile(r"\b(SqliteStore|BeastTransport)\b")

# How an Error gets its code.
ERROR_CODE = re.compile(r'(?:\.code = |\bfailure\(|\btransport_error\(|\bconflict\(|\brefusal\(|'
                        r'\bCodeStatus\{|\bRow\{)"(\w+)"')

MAX_COLUMNS = {".h": 100, ".cpp": 100, ".py": 120, ".js": 120}
MAX_FILE_LINES = 500
MAX_TEST_FILE_LINES = 800
MAX_FUNCTION_LINES = 70
MAX_ROOT_CMAKE_LINES = 100


def sources(*folders, suffixes=(".h", ".cpp")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and "node_modules" not in path.parts and path.is_file():
                yield path


def module_of(path):
    return path.relative_to(ROOT).parts[0]


def name_of(path):
    return str(path.relative_to(ROOT))


def without_comments_and_strings(text):
    """Comments and literals become blanks of the same shape, so that line numbers stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def code_lines(path):
    """(number, code without comments and literals, the line as written), excused lines left out."""
    text = path.read_text()
    written = text.split("\n")
    for number, code in enumerate(without_comments_and_strings(text).split("\n"), 1):
        if "// tidy: " not in written[number - 1]:
            yield number, code, written[number - 1]


def functions(text):
    """(first line, length) of each outermost braced block that follows a parameter list.

    Counts braces only: namespaces, types and initialisers are told apart by the text before their brace.
    """
    code = without_comments_and_strings(text)
    stack = []
    statement = ""
    line = 1
    for character in code:
        if character == "\n":
            line += 1
        if character == "{":
            is_function = statement[-1:] in (")", " ", "\n") and bool(FUNCTION_HEAD.search(statement))
            inside = any(kind for kind, _ in stack)
            stack.append((is_function and not inside, line))
            statement = ""
        elif character == "}":
            if stack:
                kind, began = stack.pop()
                if kind:
                    yield began, line - began + 1
            statement = ""
        elif character == ";":
            statement = ""
        else:
            statement += character


DECLARED_TYPE = re.compile(r"^(?:enum class|enum|struct|class|union)\s+(\w+)")
DECLARED_FUNCTION = re.compile(r"(?<![\w.])(\w+)\s*\(")
DECLARED_VARIABLE = re.compile(r"(\w+)\s*(?:\[[^\]]*\]\s*)?[={;]")


def unnamed_names(text):
    """What stands in the unnamed namespaces of a file: types, functions, variables, by name."""
    code = without_comments_and_strings(text)
    names = set()
    for place in re.finditer(r"^namespace \{\n(.*?)^\}  // namespace$", text, flags=re.S | re.M):
        block = code[place.start(1):place.end(1)]
        # Formatted code: what is declared here, and nothing inside it, begins a line; what goes on does not.
        for head in re.findall(r"^[A-Za-z_\[].*?[;{]", block, flags=re.S | re.M):
            if head.startswith(("using", "static_assert", "extern", "friend", "namespace", "public", "private")):
                continue
            head = re.sub(r"^(?:template\s*<[^\n]*>\s*|\[\[\w+\]\]\s*)*", "", head)
            before, equals, _ = head.partition("=")
            if equals and "(" not in before:
                head = before + "="  # a variable; what it is made of may look like a function
            of_type = DECLARED_TYPE.match(head)
            member = re.search(r"\w+::~?\w+\s*\(", head)  # defined outside its class
            found = of_type or (not member and (DECLARED_FUNCTION.search(head) or DECLARED_VARIABLE.search(head)))
            if found:
                names.add(found.group(1))
    return names


def compiled_alone(module):
    """The files that herald_compile_alone() names."""
    cmake = (ROOT / module / "CMakeLists.txt").read_text()
    patterns = " ".join(re.findall(r"herald_compile_alone\(([^)]*)\)", cmake)).split()
    return {path for pattern in patterns for path in (ROOT / module).glob(pattern)}


class Tidy(unittest.TestCase):
    maxDiff = None

    def none(self, findings):
        self.assertEqual(findings, [], "\n" + "\n".join(findings))

    def test_includes_point_one_way(self):
        findings = []
        for path in sources(*MODULES):
            module = module_of(path)
            for number, line in enumerate(path.read_text().split("\n"), 1):
                match = INCLUDE.match(line)
                target = match and match.group(1).split("/")[0]
                if target in MODULES and target not in MAY_INCLUDE[module]:
                    findings.append(f"{name_of(path)}:{number}: {module}/ must not include {match.group(1)}")
        self.none(findings)

    def test_modules_link_only_what_lies_to_their_left(self):
        findings = []
        for module in MODULES:
            text = (ROOT / module / "CMakeLists.txt").read_text()
            for target in re.findall(r"herald::(\w+)", text):
                if target in MODULES and target not in MAY_INCLUDE[module]:
                    findings.append(f"{module}/CMakeLists.txt links herald::{target}")
        self.none(findings)

    def test_banned_calls(self):
        findings = []
        for path in sources(*MODULES):
            for number, code, _ in code_lines(path):
                for pattern, allowed, instead in BANNED:
                    if module_of(path) not in allowed and re.search(pattern, code):
                        findings.append(f"{name_of(path)}:{number}: {code.strip()} (use {instead})")
        self.none(findings)

    def test_what_servers_say_is_masked_before_it_is_printable(self):
        self.none([f"{name_of(path)}:{number}: {code.strip()} (use core::Masking::shown)"
                   for path in sources("providers", "dispatcher") if name_of(path).startswith(READS_ANSWERS)
                   for number, code, _ in code_lines(path) if re.search(r"\bprintable\s*\(", code)])

    def test_tests_do_not_sleep(self):
        pattern = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(")
        self.none([f"{name_of(path)}:{number}: {code.strip()} (wait on a signal, or advance the clock)"
                   for path in sources("tests") for number, code, _ in code_lines(path) if pattern.search(code)])

    def test_nothing_is_left_over(self):
        own = pathlib.Path(__file__).resolve()
        folders = (*MODULES, "tests", "bench", "scripts", "cmake", "docs")
        suffixes = (".h", ".cpp", ".py", ".js", ".txt", ".cmake", ".md", ".sh", "")
        self.none([f"{name_of(path)}:{number}: {line.strip()}"
                   for path in sources(*folders, suffixes=suffixes) if path != own
                   for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1)
                   if LEFTOVER.search(line)])

    def test_lines_are_not_too_long(self):
        self.none([f"{name_of(path)}:{number}: {len(line)} columns, at most {MAX_COLUMNS[path.suffix]}"
                   for path in sources(*MODULES, "tests", "bench", suffixes=MAX_COLUMNS)
                   for number, line in enumerate(path.read_text().split("\n"), 1)
                   if len(line) > MAX_COLUMNS[path.suffix] and not self.is_raw_literal(path, line)])

    @staticmethod
    def is_raw_literal(path, line):
        """One JSON document in a test or benchmark reads best on one line, and clang-format cannot break it."""
        return module_of(path) in ("tests", "bench") and line.lstrip().startswith(('R"(', '.body = R"(', '"'))

    def test_files_and_functions_stay_short(self):
        findings = []
        for path in sources(*MODULES, "tests", "bench"):
            limit = MAX_TEST_FILE_LINES if module_of(path) == "tests" else MAX_FILE_LINES
            text = path.read_text()
            length = text.count("\n")
            if length > limit:
                findings.append(f"{name_of(path)}: {length} lines (split it by concept; at most {limit})")
            findings += [f"{name_of(path)}:{began}: a function of {lines} lines (at most {MAX_FUNCTION_LINES})"
                         for began, lines in functions(text) if lines > MAX_FUNCTION_LINES]
        if (ROOT / "CMakeLists.txt").read_text().count("\n") > MAX_ROOT_CMAKE_LINES:
            findings.append(f"CMakeLists.txt: more than {MAX_ROOT_CMAKE_LINES} lines")
        self.none(findings)

    def test_sqlite_stays_out_of_headers(self):
        self.none([f"{name_of(path)}:{number}"
                   for path in sources(*MODULES, suffixes=(".h",))
                   for number, line in enumerate(path.read_text().split("\n"), 1)
                   if re.search(r'#\s*include\s*[<"](sqlite3\.h|SQLiteCpp/)', line)
                   and (module_of(path) != "storage" or "sqlite3.h" in line)])

    def test_secrets_are_not_kept_as_strings(self):
        self.none([f"{name_of(path)}:{number}: {code.strip()} (use core::Secret)"
                   for path in sources(*MODULES, suffixes=(".h",))
                   for number, code, _ in code_lines(path) if SECRET_MEMBER.search(code)])

    def test_only_the_composition_root_names_implementations(self):
        home = {"SqliteStore": "storage", "BeastTransport": "http"}
        self.none([f"{name_of(path)}:{number}: {name}"
                   for path in sources(*MODULES) if module_of(path) != "cli"
                   for number, code, _ in code_lines(path)
                   for name in IMPLEMENTATION.findall(code) if module_of(path) != home[name]])

    def test_every_error_code_has_its_fault(self):
        """core/fault.cpp says whose fault each code is; a code that is not there would be taken for our own."""
        known = set(re.findall(r'CodeFault\{"(\w+)"', (ROOT / "core/fault.cpp").read_text()))
        self.assertGreater(len(known), 40)
        findings = [f"http/failure_codes.h: {code} (add it to core/fault.cpp)"
                    for code in re.findall(r'string_view k\w+ = "(\w+)"', (ROOT / "http/failure_codes.h").read_text())
                    if code not in known]
        for path in sources(*MODULES):
            for number, line in enumerate(path.read_text().split("\n"), 1):
                findings += [f'{name_of(path)}:{number}: "{code}" (add it to core/fault.cpp)'
                             for code in ERROR_CODE.findall(line) if code not in known]
        self.none(findings)

    def test_headers_are_guarded_once(self):
        self.none([name_of(path) for path in sources(*MODULES, suffixes=(".h",))
                   if path.read_text().count("#pragma once") != 1])

    def test_files_that_are_compiled_together_share_no_unnamed_names(self):
        for module in MODULES:
            owners = {}
            others = compiled_alone(module) | {ROOT / "cli/main.cpp"}
            for path in sorted(set(sources(module, suffixes=(".cpp",))) - others):
                for name in unnamed_names(path.read_text()):
                    owners.setdefault(name, []).append(name_of(path))
            for name, files in owners.items():
                with self.subTest(name):
                    self.assertEqual(len(files), 1, f"{name} stands in unnamed namespaces of {', '.join(files)}: a "
                                                    f"release build compiles them as one (HERALD_UNITY); rename one")

    def test_no_file_is_a_drawer(self):
        drawers = re.compile(r"(^|_)(util|utils|helpers|misc|common|stuff)($|_)")
        self.none([name_of(path) for path in sources(*MODULES, "tests", "bench", suffixes=(".h", ".cpp", ".py"))
                   if drawers.search(path.stem)])


class TheRulesThemselves(unittest.TestCase):
    """Each rule must find what it is for."""

    def test_comments_and_literals_are_blanked_line_by_line(self):
        code = without_comments_and_strings('a(); // rand()\n"std::cout"; /* x\ny */ b();\nR"(rand())" c')
        self.assertEqual(code.count("\n"), 3)
        self.assertNotIn("rand", code)
        self.assertNotIn("cout", code)
        self.assertIn("b();", code)

    def test_functions_are_found_and_measured(self):
        text = """namespace a {
struct B {
    int c() const { return 1; }
    B() : d_{1},
          e_(2) {
        f();
    }
};
auto g(int x) -> int {
    if (x) {
        h([] { return 1; });
    }
    return 0;
}
}
"""
        self.assertEqual(list(functions(text)), [(3, 1), (5, 3), (9, 6)])

    def test_banned_patterns_match(self):
        for text in ("std::chrono::steady_clock::now()", "std::this_thread::sleep_for(1s)", "usleep(5)", "rand()",
                     "std::random_device device;", "std::getenv(\"X\")", "std::printf(\"x\")", "std::cout << 1",
                     "std::promise<void> done;"):
            with self.subTest(text):
                self.assertTrue(any(re.search(pattern, text) for pattern, _, _ in BANNED))
        for text in ("snprintf(buffer, 5)", "clock.now()", "random_.next()", "operand()", "runtime(0)",
                     "std::promise<std::string> stop_;"):
            with self.subTest(text):
                self.assertFalse(any(re.search(pattern, text) for pattern, _, _ in BANNED))

    def test_secret_members_match(self):
        for text in ("std::string client_secret;", "std::optional<std::string> refresh_token_;",
                     "    std::string password = {};"):
            self.assertTrue(SECRET_MEMBER.search(text), text)
        for text in ("core::Secret client_secret;", "std::string token_endpoint;", "std::string password_field();"):
            self.assertFalse(SECRET_MEMBER.search(text), text)


if __name__ == "__main__":
    unittest.main()
