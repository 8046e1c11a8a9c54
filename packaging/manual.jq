# What ArgumentParser tells of a program (`PROGRAM --experimental-dump-help`) to a manual page: mdoc(7), one section a command.
# Arguments: section (1 or 8), date.

def text: gsub("\\\\"; "\\e") | gsub("(?m)^(?<c>[.'])"; "\\&" + .c);

# -a, --address <address>
def name_of: if .kind == "long" then "--" + .name else "-" + .name end;
def is_global: .names // [] | map(.name) | any(. == "address" or . == "help" or . == "version" or . == "output" or . == "namespace");

def synopsis_word:
  if .kind == "positional" then
    (if .isOptional then ".Op Ar " else ".Ar " end) + .valueName + (if .isRepeating then " ..." else "" end)
  else
    ".Op " + ([.names | max_by(.name | length) | name_of | "Fl " + (ltrimstr("-"))] | .[0])
      + (if .kind == "option" then " Ar " + .valueName else "" end) + (if .isRepeating then " ..." else "" end)
  end;

def item:
  ".It " + (if .kind == "positional" then "Ar " + .valueName
    else ([.names[] | name_of | "Fl " + ltrimstr("-")] | join(" , ")) + (if .kind == "option" then " Ar " + .valueName else "" end) end),
  ((.abstract // "") | text),
  (if .allValues then "One of " + (.allValues | join(", ")) + "." else empty end),
  (if .defaultValue and .kind == "option" then "Default: " + (.defaultValue | text) + "." else empty end);

def shown: .arguments // [] | map(select(.shouldDisplay));

def items(list): if (list | length) == 0 then empty else ".Bl -tag -width indent", (list[] | item), ".El" end;

def command($path):
  ".Ss " + ($path | join(" ")),
  ".Nm " + $path[0],
  ($path[1:] | if length > 0 then ".Cm " + join(" ") else empty end),
  (shown | map(select(is_global | not)) | .[] | synopsis_word),
  ".Pp", ((.abstract // "") | text),
  (if .discussion then ".Pp", (.discussion | text) else empty end),
  items(shown | map(select(is_global | not)));

def walk_commands($path):
  (.subcommands // [])[] | select(.commandName != "help") | ($path + [.commandName]) as $here
  | (if (.subcommands // []) == [] or (shown | map(select(is_global | not)) | length) > 0 then command($here) else empty end), walk_commands($here);

.command
| ".\\\" Made from the program's own --experimental-dump-help; change the program, not this file.",
  ".Dd " + $date,
  ".Dt " + (.commandName | ascii_upcase) + " " + $section,
  ".Os Berth",
  ".Sh NAME", ".Nm " + .commandName, ".Nd " + (.abstract | text | rtrimstr(".")),
  ".Sh SYNOPSIS", ".Nm", ".Op Ar options", (if .subcommands then ".Ar command ..." else empty end),
  ".Sh OPTIONS",
  items([(., (.. | objects | select(has("commandName")))) | shown[] | select(is_global)] | unique_by([.names[].name] | sort)),
  ".Sh COMMANDS",
  walk_commands([.commandName]),
  ".Sh EXIT STATUS",
  ".Ex -std",
  ".Pp",
  "64 for a call that can't be understood, 124 where a deadline passed.",
  ".Sh SEE ALSO",
  (if $section == "1" then ".Xr berthd 8" else ".Xr berth 1" end)
