// SPDX-License-Identifier: BSD-3-Clause

package neigh

// list holds all entries of a family, oldest first.
type list struct{ head, tail *Entry }

func (l *list) push(n *Entry) {
	n.prev, n.next = l.tail, nil
	if l.tail != nil {
		l.tail.next = n
	} else {
		l.head = n
	}
	l.tail = n
}

func (l *list) remove(n *Entry) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.tail = n.prev
	}
	n.prev, n.next = nil, nil
}

// gcList holds the entries that may be collected, in the order in which they came under collection
// (neigh_table.gc_list).
type gcList struct{ head, tail *Entry }

func (l *gcList) push(n *Entry) {
	n.onGC = true
	n.gcPrev, n.gcNext = l.tail, nil
	if l.tail != nil {
		l.tail.gcNext = n
	} else {
		l.head = n
	}
	l.tail = n
}

func (l *gcList) remove(n *Entry) {
	n.onGC = false
	if n.gcPrev != nil {
		n.gcPrev.gcNext = n.gcNext
	} else {
		l.head = n.gcNext
	}
	if n.gcNext != nil {
		n.gcNext.gcPrev = n.gcPrev
	} else {
		l.tail = n.gcPrev
	}
	n.gcPrev, n.gcNext = nil, nil
}
