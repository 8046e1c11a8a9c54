# Sourced by benchmarks: samples by name below $place/samples, and the lines that are printed of them.
sample() { echo "$2" >> "$place/samples/$1"; }
median() { sort -n "$place/samples/$1" | awk '{ v[NR] = $1 } END { print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }
least() { sort -n "$place/samples/$1" | head -n 1; }
figure() {
  sort -n "$place/samples/$1" | awk -v name="$1" '{ v[NR] = $1 } END {
    printf "%s %.2f %.2f %.2f %d\n", name, (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2), v[1], v[NR], NR }'
}
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / b }'; }
ratio() { echo "$1 $(quotient "$(median "$2")" "$(median "$3")")"; }
difference() { awk -v a="$(median "$2")" -v b="$(median "$3")" -v name="$1" 'BEGIN { printf "%s %.2f\n", name, a - b }'; }
